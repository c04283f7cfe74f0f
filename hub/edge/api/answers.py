"""What an act that failed is answered: one status for each kind of error, with what is wrong in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError

from hub.edge import bugs
from hub.edge.web.guard import NotLoggedIn, TooMany
from hub.errors import Forbidden, HubError, NotAllowed, Unavailable
from hub.rules.wrong_values import wrong_fields

#: Class of an error -> status; the first that fits. Of any other error of ours it is 422: what was asked cannot be carried out.
STATUSES: Mapping[type[Exception], int] = {
    NotLoggedIn: 401,
    TooMany: 429,
    Forbidden: 403,
    NotAllowed: 409,
    Unavailable: 503,
    HubError: 422,
}
#: Said of every route in the API's description.
REFUSALS: Mapping[str, Any] = {
    "responses": {
        401: {"description": "Thiếu hoặc sai khóa API (no token, or a wrong one)"},
        403: {"description": "Không đủ quyền hoặc ngoài phạm vi (not for this role or scope)"},
        409: {"description": "Không thực hiện được ở trạng thái hiện tại (not possible now); nothing was changed"},
        422: {"description": "Nội dung yêu cầu sai, nêu từng trường (what is asked is wrong, field by field)"},
        429: {"description": "Quá nhiều lời gọi (too many calls); see Retry-After"},
        503: {"description": "Sổ cái không phản hồi (the ledger does not answer)"},
    }
}


def answered(error: Exception, verb: str) -> Response:
    """Answer an act that failed; a bug leaves its types and places in the log, nothing in the answer."""
    if isinstance(error, ValidationError):
        wrong = [{"field": each.field, "vi": each.vi, "en": each.en} for each in wrong_fields(error)]
        vi, en = "nội dung yêu cầu không hợp lệ", "what is asked cannot be taken"
        return JSONResponse({"code": "bad_request", "vi": vi, "en": en, "fields": wrong}, 422)
    if isinstance(error, OperationalError):
        error = Unavailable("the ledger does not answer", "sổ cái không phản hồi", where="ledger")
    for kind, status in STATUSES.items():
        if isinstance(error, kind):
            return _told(error, status)
    bugs.note("api.bug", error, verb=verb)
    return JSONResponse({"code": "bug", "vi": "lỗi nội bộ của trục", "en": "internal error", "where": verb}, 500)


def _told(error: Any, status: int) -> Response:
    told = {"code": error.code, "vi": error.vi, "en": error.en, "where": error.where}
    headers = {"WWW-Authenticate": 'Bearer realm="lienthong"'} if status == 401 else {}
    if isinstance(error, TooMany):
        headers["Retry-After"] = str(max(1, round(error.seconds)))
    return JSONResponse(told, status, headers=headers)
