"""Prefect's pages as a person uses them: clicking, filling in and reading."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from PIL import Image
from playwright.sync_api import Locator, Page, TimeoutError, expect

from flows.config.pipeline import PipelineConfig

RUN_SECONDS = 600.0  # on a machine that other tests keep busy
ENDS = re.compile(r"^(Completed|Failed|Crashed|Cancelled|TimedOut)$")


class FlowRun(NamedTuple):
    """A flow run, as its page names it."""

    id: str
    name: str


class PrefectPages:
    """The pages of the Prefect server at `url`, in a browser's tab."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    def open_deployment(self, name: str) -> None:
        """Go to the deployment's page through the list of all."""
        self.page.goto(self.url)
        self.page.get_by_role("link", name="Deployments").click()
        self.page.get_by_role("row").filter(has_text=name).get_by_role("link", name=name, exact=True).first.click()
        expect(self.page.get_by_role("button", name="Run", exact=True)).to_be_visible()

    def open_tab(self, name: str) -> None:
        """Open a tab of the current page."""
        self.page.get_by_role("tab", name=name, exact=True).click()

    def open_run_form(self, name: str) -> None:
        """The form of a custom run of a deployment."""
        self.open_deployment(name)
        self.page.get_by_role("button", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Custom run").click()
        expect(self.page.get_by_role("textbox", name="Run Name")).to_be_visible()

    def open_schedule_form(self, name: str) -> Locator:
        """The dialog that adds a schedule to a deployment."""
        self.open_deployment(name)
        self.page.get_by_role("button", name="Schedule", exact=True).click()
        dialog = self.page.get_by_role("dialog", name="Add Schedule")
        expect(dialog).to_be_visible()
        return dialog

    def switch_schedule_off(self) -> None:
        """Switch off the only schedule of the deployment whose page is open.

        If the server refuses the change, the page leaves the switch on. A person would click again.
        """
        switch = self.page.get_by_role("switch", name="toggle", checked=True)
        for _ in range(5):
            switch.click()
            with suppress(TimeoutError):
                switch.wait_for(state="detached", timeout=20_000)
                break
        expect(switch).to_have_count(0)

    def name_run(self, name: str) -> None:
        """Replace the name that Prefect has given to the run of the form."""
        self.page.get_by_role("textbox", name="Run Name").fill(name)

    def fill_in_run(self, config: PipelineConfig) -> None:
        """Fill in what differs from the defaults that the form shows: numbers and choices in fields, the world as
        JSON, because it has lists."""
        if config.world != PipelineConfig().world:
            self.give_json("World", config.world.model_dump(mode="json"))
        self._set_fields(config, ("data", "model", "train", "evaluation"))

    def fill_in_schedule(self, config: PipelineConfig) -> None:
        """Fill in what differs from the defaults in the empty form of a schedule. It uses fields only, because Prefect
        does not parse JSON there."""
        self._set_fields(config, ("world", "data", "model", "train", "evaluation"))

    def fill_in(self, label: str, value: str) -> None:
        """Fill in the text of a parameter that has no default."""
        self._title(label).locator("xpath=following::textarea[1]").fill(value)

    def give_json(self, label: str, value: Any) -> None:
        """Switch the parameter or section with that label to JSON, and write `value` there."""
        title = self._title(label)
        title.locator("xpath=following::button[1]").click()  # the three dots beside it
        self.page.get_by_role("menuitem", name="Use JSON Input").click()
        editor = title.locator("xpath=following::*[@contenteditable='true'][1]")
        editor.press("Control+A")
        self.page.keyboard.insert_text(json.dumps(value, indent=2))
        expect(editor).to_contain_text(json.dumps(next(iter(value))))

    def submit(self) -> FlowRun:
        """Submit the form of a run, and open the run's page.

        A busy server may refuse the run. The form then stays, and a person would click again. The run is read from the
        server's answer, because the message that links to it soon goes.
        """
        name = self.page.get_by_role("textbox", name="Run Name").input_value()
        for _ in range(5):
            with self.page.expect_response(re.compile("/create_flow_run$")) as answer:
                self.page.get_by_role("button", name="Submit").click()
            if answer.value.ok:
                break
        run = answer.value.json()["id"]
        self.open_run(run)
        return FlowRun(run, name)

    def open_run(self, run: str) -> None:
        """The page of a flow run, by its id."""
        self.page.goto(f"{self.url}/v2/runs/flow-run/{run}")
        expect(self.page.get_by_role("tab", name="Logs")).to_be_visible()

    def open_subflow_run(self, name: str) -> None:
        """The page of a run that the current run has started."""
        self.open_tab("Subflow Runs")
        self.page.get_by_role("tabpanel", name="Subflow Runs").get_by_role("link", name=name, exact=True).click()
        expect(self.page.get_by_role("link", name="Work Pool gpu")).to_be_visible()

    def next_scheduled_run(self) -> FlowRun:
        """The first run on the deployment's tab *Upcoming*. The tab is opened again until there is one."""
        self.open_tab("Upcoming")
        link = self.page.get_by_role("tabpanel", name="Upcoming").locator("a[href*='/flow-run/']").first
        for _ in range(20):
            try:
                link.wait_for(timeout=3000)
                break
            except TimeoutError:
                self.page.reload()
        return FlowRun((link.get_attribute("href") or "").rpartition("/")[2], link.inner_text())

    def open_newest_run(self, flow: str) -> FlowRun:
        """Open the newest run of a flow from the list of all runs, as soon as it has begun."""
        self.page.get_by_role("link", name="Runs", exact=True).first.click()
        entry = self.page.get_by_role("listitem").filter(has=self.page.get_by_role("link", name=flow, exact=True))
        link = entry.locator("a[href*='/flow-run/']").first
        link.wait_for(timeout=1000 * RUN_SECONDS)
        name = link.inner_text()
        link.click()
        expect(self.page.get_by_role("tab", name="Logs")).to_be_visible()
        return FlowRun(self.page.url.partition("/flow-run/")[2].partition("?")[0], name)

    def follow_to_the_end(self) -> str:
        """Stay on the page of a run until it has ended. Returns the name of its state."""
        state = self.page.get_by_role("main").get_by_text(ENDS).first
        expect(state).to_be_visible(timeout=1000 * RUN_SECONDS)
        return state.inner_text()

    def see_the_graph(self) -> None:
        """Wait until the page of a run has drawn its task runs. They are on a canvas, which has no text to wait for."""
        canvas = self.page.locator("canvas").first
        for _ in range(40):
            with Image.open(io.BytesIO(canvas.screenshot())) as picture:
                green = sum(
                    count for count, (r, g, b) in picture.convert("RGB").getcolors(1 << 24) if _is_green(r, g, b)
                )
            if green > 1000:
                return
            self.page.wait_for_timeout(250)
        raise AssertionError("the graph of the run stayed empty")

    def task_runs(self) -> set[str]:
        """Names of the task runs on the page of a run, without the letters that make them unique."""
        self.open_tab("Task Runs")
        links = self.page.get_by_role("tabpanel", name="Task Runs").locator("a[href*='/task-run/']")
        expect(links.first).to_be_visible()
        return {re.sub(r"(-[0-9a-f]{3}| \d+)$", "", name) for name in links.all_inner_texts()}

    def open_artifact(self, key: str, *, run: str) -> None:
        """Open an artifact of the current run as a person would."""
        self.open_tab("Artifacts")
        self.page.get_by_role("heading", name=key, exact=True).click()
        # The page of the key lists the artifacts of all runs.
        artifact = self.page.locator("a[href*='/artifacts/artifact/']")
        entries = self.page.locator("div").filter(has=self.page.get_by_role("link", name=run, exact=True))
        entries.filter(has=artifact).last.locator(artifact).click()  # the innermost entry
        expect(self.page.get_by_role("tab", name="Raw")).to_be_visible()

    def moving_pictures(self) -> dict[str, int]:
        """Number of different frames of each picture with a text. It checks that each picture is visible."""
        pictures = self.page.get_by_role("main").locator("img[alt]:not([alt=''])")
        expect(pictures.first).to_be_visible()
        return {picture.get_attribute("alt") or "": _frames_of(picture) for picture in pictures.all()}

    def _title(self, label: str) -> Locator:
        return self.page.get_by_text(re.compile(rf"^{label}( \(Optional\))?$"))

    def _set_fields(self, config: PipelineConfig, sections: Sequence[str]) -> None:
        default = PipelineConfig()
        for section in sections:
            known = getattr(default, section).model_dump(mode="json")
            for name, value in getattr(config, section).model_dump(mode="json").items():
                if value != known[name]:
                    self._set(name.replace("_", " ").title(), value)

    def _set(self, label: str, value: object) -> None:
        if isinstance(value, list):
            self._add_items(label, value)
        elif isinstance(value, bool):
            switch = self.page.get_by_role("switch", name=f"{label} (Optional)")
            switch.set_checked(not value)  # one that was never moved counts as not given
            switch.set_checked(value)
        elif isinstance(value, str):
            self.page.get_by_role("textbox", name=f"{label} (Optional)").fill(value)
        else:
            self.page.get_by_role("spinbutton", name=f"{label} (Optional)", exact=True).fill(str(value))

    def _add_items(self, label: str, items: list[Any]) -> None:
        button = self._title(label).locator("xpath=following::button[normalize-space()='Add item'][1]")
        for item in items:
            button.click()
            words = button.locator("xpath=preceding::textarea[1]")  # a new item's last field
            if isinstance(item, dict):
                button.locator("xpath=preceding::button[contains(@aria-label, 'Select Tier')][1]").click()
                self.page.get_by_role("option", name=item["tier"], exact=True).click()
                item = item["phrase"]
            words.fill(item)


def _is_green(red: int, green: int, blue: int) -> bool:
    """The strong colour of completed runs."""
    return green > 120 and red < 80 and blue < 120


def _frames_of(picture: Locator) -> int:
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    kind, _, content = (picture.get_attribute("src") or "").partition(",")
    assert kind == "data:image/gif;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as gif:
        frames = set()
        for number in range(gif.n_frames):
            gif.seek(number)
            frames.add(gif.convert("RGB").tobytes())
    return len(frames)
