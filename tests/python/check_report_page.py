"""A page of `dynvert report` in headless Chromium: it draws without an error in the console and without a request to
anywhere, and answers to mouse and keys: choosing a trial and a model, values under the cursor, zoom; on a narrow window,
and in the dark.

Usage: check_report_page.py PROGRAM FILE FOLDER
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(SKIPPED)


def start(profile):
    browser, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        skip("Selenium is missing (python3-selenium)")
    if not browser or not chromedriver:
        skip("Chromium is missing (chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for word in [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={profile}",
    ]:
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(service=Service(chromedriver), options=options)
    # a page that hangs is a failure, not a test without end
    driver.set_page_load_timeout(120)
    driver.set_script_timeout(120)
    return driver


class Page:
    def __init__(self, driver, path):
        from selenium.webdriver.common.by import By

        self.driver, self.by = driver, By
        self.url = f"file://{os.path.abspath(path)}"
        self.resize(1280)
        driver.get(self.url)
        self.explorer = driver.find_element(By.ID, "explorer")
        self.model, self.trial, self.population, self.lines = self.explorer.find_elements(By.TAG_NAME, "select")
        self.transient, self.residual, self.spectrum = self.explorer.find_elements(By.CLASS_NAME, "chart")

    def resize(self, width):
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False},
        )

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def press(self, element, *keys):
        self.script("arguments[0].focus()", element)
        self.driver.switch_to.active_element.send_keys(*keys)

    def area(self, chart):
        return chart.find_element(self.by.CLASS_NAME, "plot")

    def readout(self, chart):
        return chart.find_element(self.by.CLASS_NAME, "readout").text

    def picture(self, chart):
        """The pixels of the plot, and how many colours there are in them."""
        self.frame()
        return self.script(
            """const { width, height } = arguments[0].querySelector('canvas');
               const copy = Object.assign(document.createElement('canvas'), { width, height });
               const context = copy.getContext('2d', { willReadFrequently: true });
               context.drawImage(arguments[0].querySelector('canvas'), 0, 0);
               const data = context.getImageData(0, 0, width, height).data;
               return [copy.toDataURL(), new Set(new Uint32Array(data.buffer)).size];""",
            chart,
        )

    def frame(self):
        """Until what was asked for is drawn: uPlot draws in a microtask, the size of things changes a frame later."""
        self.driver.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));"
        )

    def errors(self):
        return self.driver.get_log("browser")

    def requests(self):
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        # the browser's own start page is none of ours
        urls = [s["request"]["url"] for s in sent if s["documentURL"].startswith("file:")]
        assert self.url in urls
        return [url for url in urls if url != self.url and not url.startswith("data:")]


def check_drawn(page):
    for chart in page.driver.find_elements(page.by.CLASS_NAME, "chart"):
        assert page.picture(chart)[1] > 3, "a plot is blank"
    table = page.driver.find_element(page.by.CSS_SELECTOR, "#models table")
    heads = table.find_elements(page.by.CSS_SELECTOR, "thead th[scope=col]")
    rows = table.find_elements(page.by.CSS_SELECTOR, "tbody th[scope=row]")
    assert "final NSE" in [head.text for head in heads] and len(rows) >= 2
    for control in page.driver.find_elements(page.by.CSS_SELECTOR, "select, input"):
        assert control.accessible_name, "a control without a label"
    for chart in page.driver.find_elements(page.by.CLASS_NAME, "plot"):
        assert " against " in chart.get_attribute("aria-label")


def check_trials(page, keys):
    before, residual = page.picture(page.transient)[0], page.picture(page.residual)[0]
    first = page.trial.find_elements(page.by.TAG_NAME, "option")[0].text
    page.press(page.trial, keys.ARROW_RIGHT)
    status = page.explorer.find_element(page.by.CSS_SELECTOR, "[role=status]").text
    assert f"trial {first}" not in status, status
    after = page.picture(page.transient)[0]
    assert after != before and page.picture(page.residual)[0] != residual, "another trial, the same plot"
    page.press(page.trial, keys.ARROW_LEFT)
    assert page.picture(page.transient)[0] == before, "the first trial again, another plot"

    name = page.model.get_property("value")
    page.press(page.model, keys.ARROW_DOWN)
    assert page.model.get_property("value") != name
    assert page.picture(page.transient)[0] != before, "another model, the same plot"
    page.press(page.model, keys.ARROW_UP)
    assert page.model.get_property("value") == name


def check_links(page, keys):
    def shown():
        return page.model.get_property("value"), page.trial.get_property("selectedOptions")[0].text

    def follow(link):
        page.script("location.hash = arguments[0]", link)
        page.frame()
        return shown()

    model, trial = shown()
    trials, models = texts(page.trial), [option.get_attribute("value") for option in
                                         page.model.find_elements(page.by.TAG_NAME, "option") if option.is_enabled()]
    page.press(page.trial, keys.ARROW_RIGHT)
    link = page.script("return location.hash")
    assert f"model={model}&trial={trials[1]}" in link, link
    assert follow(f"#model={models[-1]}&trial={trials[-1]}") == (models[-1], trials[-1])
    assert follow(link) == (model, trials[1])
    # parts that there are not, and the nearest trial
    assert follow("#model=nothing&trial=x") == (model, trials[1])
    assert follow(f"#trial={int(trials[-1]) + 1000}") == (model, trials[-1])
    assert follow(f"#model={model}&trial={trial}") == (model, trial)


def check_values(page, keys):
    from selenium.webdriver.common.action_chains import ActionChains

    area = page.area(page.transient)
    page.press(area, keys.ARROW_RIGHT * 3)
    text = page.readout(page.transient)
    assert text.startswith("time ") and "unit 0" in text, text
    page.press(area, keys.ARROW_DOWN)
    assert "unit 1:" in page.readout(page.transient), page.readout(page.transient)
    ActionChains(page.driver).move_to_element(area).perform()
    assert page.readout(page.transient).startswith("time "), "no value under the mouse"
    # the plot below follows
    assert page.script("return getComputedStyle(arguments[0].querySelector('.u-cursor-x')).display", page.residual) != "none"


def check_zoom(page, keys):
    from selenium.webdriver.common.action_chains import ActionChains

    area = page.area(page.transient)
    page.press(area, "0")
    whole, below = page.picture(page.transient)[0], page.picture(page.residual)[0]
    page.press(area, "+")
    assert page.picture(page.transient)[0] != whole, "+ does not zoom"
    assert page.picture(page.residual)[0] != below, "the residual does not follow"
    page.press(area, "0")
    assert page.picture(page.transient)[0] == whole, "0 does not show all"
    ActionChains(page.driver).move_to_element_with_offset(area, -60, 0).click_and_hold().move_by_offset(120, 0).release().perform()
    assert page.picture(page.transient)[0] != whole, "dragging does not zoom"
    ActionChains(page.driver).double_click(area).perform()
    assert page.picture(page.transient)[0] == whole, "a double click does not show all"
    page.transient.find_element(page.by.CSS_SELECTOR, "button[aria-label='Zoom in']").click()
    assert page.picture(page.transient)[0] != whole, "the button does not zoom"


def check_curves(page):
    chart = page.driver.find_element(page.by.CSS_SELECTOR, "#curves .chart")
    before = page.picture(chart)[0]
    page.driver.find_element(page.by.CSS_SELECTOR, "#curves .legend input").click()
    hidden = page.picture(chart)[0]
    assert hidden != before, "a hidden line is still there"
    page.driver.find_element(page.by.CSS_SELECTOR, "#curves .controls input").click()
    assert page.picture(chart)[0] != hidden, "the axis does not change"


def texts(select):
    return [option.text for option in select.find_elements("tag name", "option")]


def choose(page, select, text):
    from selenium.webdriver.support.ui import Select

    Select(select).select_by_visible_text(text)
    return page.picture(page.transient)[0]


def heading(chart):
    return chart.find_element("tag name", "h3").text


def words(chart):
    return chart.find_element("class name", "words").text


def check_overlay(page, keys):
    """One unit in all trials of the page, and back; another trial or population keeps what was chosen."""
    overlaid = choose(page, page.lines, "unit 0, all trials")
    units = choose(page, page.lines, "all units, this trial")
    assert choose(page, page.lines, "unit 0, all trials") == overlaid
    assert overlaid != units, "all trials look as one"
    assert "in all trials of the page" in heading(page.transient), heading(page.transient)
    page.press(page.area(page.transient), keys.ARROW_RIGHT)
    assert "trial 0:" in page.readout(page.transient), page.readout(page.transient)
    page.press(page.trial, keys.ARROW_RIGHT)
    assert "in all trials of the page" in heading(page.transient), heading(page.transient)
    page.press(page.trial, keys.ARROW_LEFT)
    assert choose(page, page.lines, "all units, this trial") == units


def check_circuit(page):
    """A user-defined circuit: fixed points, the distance from them, the spectrum, rates, several trials."""
    assert texts(page.population) == ["E", "E (rate)", "I", "I (rate)", "input_E"], texts(page.population)
    assert texts(page.lines) == ["this trial", "all trials"], texts(page.lines)
    assert "No control loops" not in page.explorer.text
    assert heading(page.residual).startswith("Distance from the fixed point"), heading(page.residual)
    assert "Dotted: the fixed point" in words(page.transient), words(page.transient)
    # examples/excitatory_inhibitory.toml: trace -1/6, determinant 1 of its Jacobian
    assert "abscissa −0.0833 (1/time), stable, slowest time constant 12" in words(page.spectrum), words(page.spectrum)
    assert "critical leak" not in page.explorer.text
    states, overlaid = page.picture(page.transient)[0], choose(page, page.lines, "all trials")
    rates = choose(page, page.population, "E (rate)")
    assert len({states, overlaid, rates}) == 3, "states, several trials or rates look the same"
    assert "rate of the population" in words(page.transient), words(page.transient)
    for chart in (page.transient, page.residual, page.spectrum):
        assert page.picture(chart)[1] > 3, "a plot is blank"


def check_looks(page):
    before = page.picture(page.transient)[0]
    page.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    assert page.picture(page.transient)[0] != before, "the plots stay light in the dark"
    page.resize(400)
    page.frame()
    wide = page.script("return document.documentElement.scrollWidth")
    assert wide <= 400, f"{wide} px wide in a window of 400"
    for chart in page.driver.find_elements(page.by.CLASS_NAME, "chart"):
        assert page.picture(chart)[1] > 3, "a plot is blank in a narrow window"


def write_page(program, path, folder, name):
    page = os.path.join(folder, name)
    done = subprocess.run([program, "report", path, "-o", page, "--overwrite"], capture_output=True, text=True, check=False)
    if done.returncode == 4 and "without uPlot" in done.stderr:
        skip("the program was built without uPlot (no npm, or no package registry)")
    assert done.returncode == 0, done.stderr
    return page


def main():
    program, path, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    page_path = write_page(program, path, folder, "page.html")
    circuit = os.path.join(folder, "circuit.h5")
    example = os.path.join(os.path.dirname(__file__), "../../examples/excitatory_inhibitory.toml")
    subprocess.run([program, "simulate", example, "-o", circuit, "--overwrite", "--quiet"], check=True)
    circuit_path = write_page(program, circuit, folder, "circuit.html")
    with tempfile.TemporaryDirectory() as profile:
        driver = start(profile)
        from selenium.webdriver.common.keys import Keys

        try:
            page = Page(driver, page_path)
            check_drawn(page)
            check_trials(page, Keys)
            check_links(page, Keys)
            check_values(page, Keys)
            check_zoom(page, Keys)
            check_overlay(page, Keys)
            check_curves(page)
            check_looks(page)
            errors = page.errors()
            assert errors == [], errors
            requests = page.requests()
            assert requests == [], requests
            page = Page(driver, circuit_path)
            check_circuit(page)
            errors = page.errors()
            assert errors == [], errors
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
