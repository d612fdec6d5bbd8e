"""A disk that fills: the page says so, shows what was received, and goes on once there is room."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.page.conftest import OpenPage, serving
from tests.support.slow_llm import SlowLLM
from tests.support.small_disk import small_disk


def test_a_full_disk_is_a_notice_with_a_way_to_go_on_and_nothing_received_is_lost(
    open_page: OpenPage, tmp_path: Path
) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    with small_disk(folder) as disk, SlowLLM.running() as llm:
        env = {"CALLSHEET_LLM": "openai:any", "CALLSHEET_BASE_URL": llm.server.url}
        with serving(folder, env=env) as server:
            ui = open_page(server.url)
            ui.enter_idea("a heron at dawn among reeds")
            ui.select_groups("sora", "leonardo", "phoenix")
            notice = ui.page.get_by_role("alert")

            disk.leave(0, server.process.pid)
            ui.primary_button.click()
            expect(notice).to_contain_text("the disk is full")
            expect(notice).to_contain_text("Free disk space")
            disk.free_all(server.process.pid)
            llm.pause()
            notice.get_by_role("button", name="Try again").click()
            assert llm.called.wait(60)
            expect(notice).to_have_count(0)

            disk.leave(0, server.process.pid)
            llm.release.set()
            expect(notice).to_contain_text("the disk is full")
            text = ui.prompt_text("LEONARDO_ANIME_XL_A")

            notice.get_by_role("button", name="Resume").click()
            expect(notice.get_by_role("button", name="Try again")).to_be_visible()

            disk.free_all(server.process.pid)
            notice.get_by_role("button", name="Try again").click()
            expect(notice).to_have_count(0)
            expect(ui.page.get_by_text("All selected prompts are written")).to_be_visible()
            assert ui.prompt_text("LEONARDO_ANIME_XL_A") == text
            assert len(llm.server.requests) == 1, "what was received was paid for once"
