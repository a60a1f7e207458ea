"""Keras, tf-keras and TensorFlow are of releases that do not belong together.

## What is wrong
`tf.keras` is the separate package `keras`, and each TensorFlow release works with one range of it. Keras 2 moved in
step with TensorFlow, number for number; since TensorFlow 2.16 it is Keras 3, another interface, and the old one lives
on as `tf-keras`. Out of step, imports fail (`cannot import name ... from keras`, `module 'keras' has no attribute`),
or models saved by one cannot be loaded by the other.

## Why it happens
- `pip install -U keras` beside a TensorFlow that wants Keras 2.
- TensorFlow was pinned back and Keras stayed, or a library (transformers) asked for `tf-keras`, which drags its own
  TensorFlow along.
- Code says `import keras` and gets Keras 3 where it was written for 2.

## How to fix
Install the Keras that this TensorFlow asks for. Code for Keras 2 on a newer TensorFlow: install the `tf-keras` of the
same number as TensorFlow and set `TF_USE_LEGACY_KERAS=1`.

## Easily confused with
- protobuf, h5py or NumPy at a refused version (PYT004, PYT003).

## When this is harmless
A Keras 3 that is merely a little older than TensorFlow asks for mostly works; that is reported as a warning.

## References
- Keras, "Getting started": compatibility of Keras and TensorFlow.
- Requires-Dist in the METADATA of tensorflow and tf-keras: the ranges that are compared here.
"""

from __future__ import annotations

import re

from gpudoctor.findings.finding import Evidence, Finding, Severity
from gpudoctor.knowledge.versions import major_of, minor_of
from gpudoctor.rules.advice.python import pip_install
from gpudoctor.rules.readings.framework_starts import Said, framework_of, said
from gpudoctor.rules.readings.requirements import Broken, broken_requirements
from gpudoctor.rules.rule import Case, Scope, rule

_TITLE = "Install the Keras that belongs to this TensorFlow"
_KERAS_3 = 3  # up to 2, Keras has the number of the TensorFlow that it belongs to
_KERAS = ("keras", "tf-keras", "keras-nightly")
_TEXT = re.compile(
    r"cannot import name '[^']+' from '(?:tf_)?keras|[Mm]odule '(?:tf_)?keras[\w.]*' has no attribute"
    r"|No module named '(?:tf_)?keras\.|[Kk]eras (?:2|3)[^\n]{0,80}not (?:yet )?(?:supported|compatible)"
)


@rule("TFL005", Severity.ERROR, Scope.ENVIRONMENT, hides=("PYT004", "PYT011"))
def keras_mismatch(case: Case) -> Finding | None:
    environment = case.environment
    build = environment.tensorflow.need()
    broken = next((item for item in _broken(case) if item.installed is not None), None)
    text = said(case, _TEXT, only_failed=True)
    if broken is not None:
        return _by_metadata(case, broken, text)
    if text is None:
        return None
    keras = environment.package("keras")
    have = keras.version if keras else "not installed"
    wanted = ["keras", f"tensorflow=={build.version}"]
    return Finding(
        message=f"tensorflow {build.version} does not load with keras {have}: {text.line}",
        evidence=(environment.tensorflow, Evidence(fact="packages.keras", value=have, source="metadata"), text.fact),
        fixes=(pip_install(environment, wanted, title=_TITLE, upgrade=False),),
    )


def _by_metadata(case: Case, broken: Broken, text: Said | None) -> Finding:
    have = broken.installed.version if broken.installed else ""
    is_late_keras_3 = broken.name == "keras" and not broken.is_far and (major_of(have) or 0) >= _KERAS_3
    wanted = broken.wanted if broken.name in _KERAS else f"{broken.by.name}=={minor_of(have)}.*"
    return Finding(
        message=f"{broken.by.name} {broken.by.version} requires {broken.wanted}, and {have} is installed",
        evidence=(
            case.environment.tensorflow,
            Evidence(fact=f"packages.{broken.name}", value=have, source="metadata"),
            *((text.fact,) if text else ()),
        ),
        fixes=(pip_install(case.environment, [wanted], title=_TITLE, upgrade=False),),
        severity=Severity.WARNING if is_late_keras_3 and text is None else Severity.ERROR,
    )


def _broken(case: Case) -> list[Broken]:
    """What TensorFlow asks of Keras and Keras of TensorFlow."""
    packages = case.environment.packages.read() or ()
    tensorflows = [package for package in packages if framework_of(package.name) == "tensorflow"]
    kerases = [package for package in packages if package.name in _KERAS]
    return [
        *broken_requirements(case.environment, tensorflows, lambda name: name in _KERAS),
        *broken_requirements(case.environment, kerases, lambda name: framework_of(name) == "tensorflow"),
    ]
