"""What the inputs of commands are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from returndesk.domain.mistakes import PHOTO, TEXT


class Input(BaseModel):
    """A body or a part of one: nothing unknown in it, nothing of it repeated in an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


Count = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
LineNumber = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
Note = Annotated[str, StringConstraints(min_length=1, max_length=5_000, pattern=TEXT)]
Photo = Annotated[str, StringConstraints(pattern=PHOTO)]
