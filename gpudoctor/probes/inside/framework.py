"""Starts one framework in the interpreter that runs it, stage by stage, and says each stage's answers at once.

usage: framework.py REQUEST < TOKEN, where REQUEST is JSON: {"framework": "torch", "python_path": [...],
"with_user_site": true, "deep": false, "trace_after_seconds": 25.0, "turn_file": "/tmp/x", "turn_seconds": 10.0}
Stages: import, devices, libraries, and with deep kernel (one a computation) and kernels; then end. This file is read by
Python 2 as well; what it loads needs 3.7.
"""

import sys

if sys.version_info < (3, 7):
    _token = sys.stdin.readline().strip()
    sys.stdout.write(
        '\n%s {"stage": "too_old", "version": "%d.%d.%d", "prefix": "%s"} %s\n'
        % ((_token,) + tuple(sys.version_info[:3]) + (sys.prefix.replace("\\", "/"), _token))
    )
    sys.stdout.flush()
    sys.exit(83)

import faulthandler
import gc
import json
import os
import traceback
import warnings

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_TRACEBACK_LINES = 60


def main(token, request):
    sys.path.insert(0, _FOLDER)
    import inside_channel
    import inside_libraries

    questions = __import__(request["framework"] + "_run")
    sys.path.remove(_FOLDER)
    channel = inside_channel.Channel(token)
    faulthandler.enable(file=sys.__stderr__, all_threads=False)
    if request["trace_after_seconds"] > 0:  # where it hangs, before the deadline ends it
        faulthandler.dump_traceback_later(request["trace_after_seconds"], exit=False, file=sys.__stderr__)
    inside_channel.complete_search_path(request["python_path"], request["with_user_site"])
    sys.argv[:] = [sys.argv[0]]
    run(channel, questions, inside_libraries.mapped_libraries, request)


def run(channel, questions, mapped_libraries, request):
    gc.disable()  # an import makes hundreds of thousands of objects and no garbage
    try:
        module, answers = questions.start()
        answers["location"] = getattr(module, "__file__", None)
    except BaseException as error:  # SystemExit and what native code raises, too
        channel.send("import", error=last_line(error), traceback=text_of(error), mapped=guarded(mapped_libraries, []))
        leave(channel)
        return
    if hasattr(gc, "freeze"):  # PyPy has none
        gc.freeze()  # what an import made is never looked through again
    gc.enable()
    channel.send("import", mapped=guarded(mapped_libraries, []), **answers)
    turn = take_turn(request["turn_file"], request["turn_seconds"])  # kept until this process ends
    devices = ask(channel, "devices", lambda: questions.devices(module))
    libraries = {
        "mapped": guarded(mapped_libraries, []),
        "runtime_cudnn": guarded(lambda: questions.cudnn(module), None),
    }
    channel.send("libraries", **libraries)
    if request["deep"]:
        count = len(devices["devices"]) if devices else 0
        for index in range(count):
            compute(channel, questions, module, index)
        channel.send("kernels")
    leave(channel)


def take_turn(path, seconds):
    """Wait until no other child of this check holds the GPUs, at most `seconds`; return the open file.

    A GPU in exclusive mode refuses a second process: two frameworks at once would make a healthy machine look busy.
    """
    try:
        import fcntl
        import time

        file = open(path)
    except (ImportError, OSError):
        return None
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except OSError:
            time.sleep(0.01)
    return file  # the other one hangs; whatever comes now is evidence as well


def compute(channel, questions, module, index):
    """Send each computation's outcome as it comes; what fails before the first one is an outcome as well."""
    try:
        questions.kernels(module, index, lambda **outcome: channel.send("kernel", **outcome))
    except BaseException as error:
        channel.send("kernel", device=index, operation="preparation", is_correct=None, error=last_line(error))


def ask(channel, stage, question):
    """Send what `question` answers, or the error that it raised; return the answer or None."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            answers = question()
        answers["warnings"] = [str(warning.message).strip()[:2000] for warning in caught][:20]
        for warning in answers["warnings"]:  # the user would see them there
            sys.stderr.write("Warning: " + warning + "\n")
    except BaseException as error:
        channel.send(stage, raised=last_line(error), raised_traceback=text_of(error))
        return None
    channel.send(stage, **answers)
    return answers


def guarded(question, otherwise):
    try:
        return question()
    except BaseException:
        traceback.print_exc()
        return otherwise


def last_line(error):
    return "".join(traceback.format_exception_only(type(error), error)).strip()[:4000]


def text_of(error):
    lines = "".join(traceback.format_exception(type(error), error, error.__traceback__)).splitlines()
    return "\n".join(lines[-_TRACEBACK_LINES:])[-16000:]


def leave(channel):
    """End at once: a framework's own clean-up takes long, and tells nothing about the GPU.

    The watching thread ends with the process; to cancel it would hang in a copy that an import has forked.
    """
    channel.send("end")
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.stdin.readline().strip(), json.loads(sys.argv[1]))
