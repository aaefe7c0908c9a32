"""Translate the SAM template to CloudFormation with SAM's own translator."""

import copy
import os
from typing import Any


def translate(template: dict[str, Any]) -> dict[str, Any]:
    """Return the CloudFormation template of a SAM template.

    Raises:
        samtranslator.model.exceptions.InvalidDocumentException: The SAM template is invalid.
    """
    # The translator needs a region when it is imported.
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    made: dict[str, Any] = Translator({}, Parser()).translate(copy.deepcopy(template), {})
    return made
