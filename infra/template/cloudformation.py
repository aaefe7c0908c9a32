"""The template as CloudFormation carries it out: SAM's own translator, on this machine."""

import copy
import os
from typing import Any


def translate(template: dict[str, Any]) -> dict[str, Any]:
    """The CloudFormation template that the SAM template becomes.

    Raises:
        samtranslator.model.exceptions.InvalidDocumentException: it is none.
    """
    # The translator asks for a session's region as it is loaded.
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    made: dict[str, Any] = Translator({}, Parser()).translate(copy.deepcopy(template), {})
    return made
