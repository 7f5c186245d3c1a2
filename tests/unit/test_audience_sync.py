"""Whom an instance knows becomes members; who is left out is counted by reason."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from broadcaster.gateway import WAChatPro
from broadcaster.gateway.lists import Chat, Contact, read_chat, read_contact
from broadcaster.services.audiences.instance_people import LeftOut, read_people


class Gateway:
    """Answers with these lists."""

    def __init__(self, contacts: list[Any], chats: list[Any]) -> None:
        self._contacts, self._chats = contacts, chats

    async def contacts(self) -> list[Contact]:
        return [read_contact(each) for each in self._contacts]

    async def chats(self, _most: int) -> list[Chat]:
        return [read_chat(each) for each in self._chats]


def test_numbers_as_whatsapp_keeps_them_become_those_that_are_dialled_and_the_rest_is_counted_by_reason() -> None:
    contacts = [
        {"id": "5215512345678@c.us", "name": "Lupe"},
        {"id": "551187654321@c.us", "name": "Rui"},
        {"id": "6281234567890@s.whatsapp.net"},
        {"id": "120363021234567890@g.us", "name": "Family"},
        {"id": "120363021234567890@newsletter", "name": "News"},
        {"id": "status@broadcast"},
        {"id": "103726482938475@lid", "name": "Somebody"},
        {"id": "999999999@c.us"},
        {"name": "Nobody"},
    ]
    gateway = cast("WAChatPro", Gateway(contacts, [{"id": "525512345678@c.us"}, {"id": "103726482938475@lid"}]))
    people = asyncio.run(read_people(gateway, with_chats=True))
    assert people.members == [
        ("525512345678", {"name": "Lupe"}),
        ("5511987654321", {"name": "Rui"}),
        ("6281234567890", {}),
    ]
    assert people.left_out == {
        LeftOut.GROUP: 3,
        LeftOut.HIDDEN_NUMBER: 2,
        LeftOut.INVALID_NUMBER: 1,
        LeftOut.NO_NUMBER: 1,
    }
    assert people.skipped == 7
