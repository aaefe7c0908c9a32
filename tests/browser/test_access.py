"""The access catalog: browse it, apply, and see the decision."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.test_narrow_screens import check

WORDS = {
    "en-US": ("Apply for {}", "Why do you need it? (optional)", "Apply", "Pending", "Approved", "Rejected", "Search"),
    "zh-CN": ("申请“{}”", "您为什么需要它？（可选）", "申请", "待审批", "已批准", "已拒绝", "搜索"),
}


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("locale", WORDS)
def test_an_employee_applies_and_sees_the_decision(open_console: Open, locale: str, width: int) -> None:
    apply_for, why, apply, pending, approved, rejected, search = WORDS[locale]
    console = open_console(viewport={"width": width, "height": 900}, locale=locale)
    name = f"Build farm {locale} {width}"
    slug = name.lower().replace(" ", "-")
    item = {"slug": slug, "name": name, "type": "server_access", "application_guide": "Say for which project."}
    console.call_v2("POST", "/operate/catalog/items", item | {"description": "Many fast machines."})
    page = console.page
    page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(page.locator(".live-live")).to_be_attached()
    console.go("you?tab=access")
    page.get_by_label(search, exact=True).fill(name)
    row = page.locator("li.row-card").filter(has_text=name)
    expect(row).to_have_count(1)
    row.get_by_role("button", name=apply_for.format(name)).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Say for which project.")).to_be_visible()
    dialog.get_by_label(why).fill("For builds.")
    check(page, f"access-dialog-{locale}-{width}")
    dialog.get_by_role("button", name=apply, exact=True).click()
    expect(row.get_by_text(pending)).to_be_visible()
    found = console.call_v2("GET", f"/operate/catalog/approvals?catalog_slug={slug}")["items"]
    decision = "approve" if width == 390 else "reject"
    review = {"requestId": found[0]["id"], "decision": decision}
    console.call_v2("POST", "/operate/catalog/approvals/review", review)
    page.reload()
    expect(row.get_by_text(approved if decision == "approve" else rejected)).to_be_visible()
    check(page, f"access-decided-{locale}-{width}")
