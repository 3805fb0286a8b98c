"""MLflow's pages as a person uses them."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

# What MLflow's pages remember of somebody who has closed what they advertise: the new registry, and their assistant.
SEEN = {
    "_mlflow_model_registry_promo_modal_dismissed_v1": "true",
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
    "mlflow.assistant.panelOpen_v1": "false",
}


class MlflowPages:
    """The pages of the MLflow server at `url`, in a browser's tab."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        page.context.add_init_script(
            "\n".join(f"localStorage.setItem({key!r}, {value!r})" for key, value in SEEN.items())
        )

    def open_model(self) -> None:
        """Go from the start page to the list of the versions of `flipbook`."""
        self.page.goto(self.url)
        self.page.get_by_role("button", name="Model training").click()
        self.page.get_by_role("link", name="Model registry").click()
        self.page.get_by_role("link", name="flipbook", exact=True).click()
        expect(self.page.get_by_role("heading", name="flipbook")).to_be_visible()

    def version(self, number: int) -> Locator:
        """The row of a version in that list."""
        return self.page.get_by_role("row").filter(has=self.page.get_by_role("link", name=f"Version {number}"))

    def compare(self, *numbers: int) -> None:
        """The comparison of versions, from that list."""
        for number in numbers:
            self.version(number).get_by_role("checkbox").check()
        self.page.get_by_role("button", name="Compare", exact=True).click()
        expect(self.page.get_by_role("heading", name=f"Comparing {len(numbers)} Versions")).to_be_visible()

    def compared(self, metric: str, *, versions: int) -> list[float]:
        """The values of a metric on that page, in the order of the versions."""
        name = re.escape(metric).replace("/", r"\/")  # between slashes, as JavaScript has it
        row = self.page.get_by_role("row", name=re.compile(rf"^{name}(?!\w)"))
        values = row.get_by_role("cell")
        expect(values).to_have_text([re.compile(r"\d")] * versions)
        row.hover()  # scrolls there, however often the page is drawn anew
        return [float(value) for value in values.all_inner_texts()]

    def open_version(self, number: int) -> None:
        """The page of a version."""
        self.version(number).get_by_role("link", name=f"Version {number}").click()
        expect(self.page.get_by_role("heading", name=f"Version {number}")).to_be_visible()

    def scores(self) -> dict[str, str]:
        """The joint exact score of each tier in the table of a version's page."""
        table = self.page.get_by_role("table").filter(has_text="joint exact [95 %]")
        rows = table.get_by_role("row").filter(has=self.page.get_by_role("cell"))
        cells = [row.get_by_role("cell").all_inner_texts() for row in rows.all()]
        return {tier.strip(): joint.strip() for tier, joint, *_ in cells}

    def open_videos(self) -> Page:
        """Follow the link on a version's page to its videos, which opens another tab."""
        with self.page.context.expect_page() as opened:
            self.page.get_by_role("link", name=re.compile("^Videos of every prompt")).click()
        tab = opened.value
        tab.get_by_role("main").get_by_text("evaluation", exact=True).click()
        tab.get_by_role("main").get_by_text("videos", exact=True).click()
        return tab
