#!/bin/sh
# Makes one role and one database for Prefect, and one of each for MLflow. PostgreSQL's image runs it at its first start.
# Neither role may enter the other's database.
set -eu

make_database() { # NAME, and the variable that holds its password
    psql --no-psqlrc --username "${POSTGRES_USER:-postgres}" --dbname postgres --set ON_ERROR_STOP=1 --set name="$1" <<SQL
\getenv password $2
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
}

make_database prefect PREFECT_DATABASE_PASSWORD
make_database mlflow MLFLOW_DATABASE_PASSWORD
