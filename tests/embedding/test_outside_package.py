"""A package outside the project cimports the engine, registers a handler in C and drives it."""

import subprocess
import sys
import textwrap

import eventsim as es

COUNTER = """
    from eventsim.engine cimport Engine, Event, Handler

    cdef class Chain(Handler):
        '''Passes an event on to the next unit after its value, and predicts a crossing at each fifth.'''

        cdef readonly int received, crossed
        cdef readonly double last

        cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
            self.received += 1
            if event.unit == 13:
                with gil:
                    raise ValueError("thirteen")
            if event.unit % 5 == 0:
                engine.predict(self.first_slot + event.unit // 5, event.time + 0.5)
            return engine.push(event.time + event.value, self.id, event.unit + 1, event.value, 0)

        cdef int cross(self, Engine engine, int unit, double time) except -1 nogil:
            self.crossed += 1
            self.last = time
            return 0

    def drive(Engine engine, Handler handler, double end):
        '''The C interface from the outside: push, then the clock.'''
        with nogil:
            engine.push(1.0, handler.id, 0, 2.0, 0)
        engine.run(until=end)
        return engine.time
"""

SETUP = """
    import eventsim
    from Cython.Build import cythonize
    from setuptools import Extension, setup

    setup(
        name="outside",
        py_modules=[],
        ext_modules=cythonize([Extension("chain", ["chain.pyx"])], include_path=[eventsim.get_include()]),
    )
"""

USE = """
    import chain
    import eventsim as es

    engine = es.Engine()
    handler = chain.Chain()
    assert engine.register(handler) is handler
    engine.reserve(handler, 3)
    assert chain.drive(engine, handler, 22.0) == 22.0
    assert (handler.received, handler.crossed, handler.last) == (11, 3, 21.5), handler.last
    assert engine.next_event_time == 23.0

    log = []
    engine.schedule(24.0, engine.register(lambda engine, event: log.append(event.time)))
    try:
        engine.run()
    except ValueError as error:
        assert str(error) == "thirteen"
    assert (engine.now, log) == (27.0, [24.0])
    print("driven")
"""


def test_an_outside_extension_cimports_the_engine_and_drives_a_handler_in_c(tmp_path):
    for name, text in (("chain.pyx", COUNTER), ("setup.py", SETUP), ("use.py", USE)):
        (tmp_path / name).write_text(textwrap.dedent(text))
    for command in (["setup.py", "-q", "build_ext", "--inplace"], ["use.py"]):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "driven\n"
    assert es.get_include()
