/* The C part of the probe: what its thread does most, with the same results as in Python. */
#include "_fast.h"

PyDoc_STRVAR(largest_doc, "largest(blob, most)\n--\n\nSee statemeter.sizes.");
PyDoc_STRVAR(document_doc, "document(blob, detailed, most)\n--\n\nSee statemeter.sizes.");
PyDoc_STRVAR(line_doc, "line(fields)\n--\n\nSee statemeter.spool; None where Python has to do it.");
PyDoc_STRVAR(put_doc, "put(seq, call)\n--\n\nSee statemeter.puts; None where Python has to do it.");
PyDoc_STRVAR(writes_doc,
             "writes(nodes, seq, call)\n--\n\nSee statemeter.records; None as of put().");
PyDoc_STRVAR(note_put_doc,
             "note_put(checkpoint, metadata, new_versions, snapshot)\n--\n\nSee statemeter.notes.");
PyDoc_STRVAR(measures_doc, "measures(Call, CALL, SCOPE, fault, part, begin, probe, hint, emit)\n--\n\nFor begin().");
PyDoc_STRVAR(begin_doc, "begin(saver, build, config, note, given)\n--\n\nSee statemeter.calls.");
PyDoc_STRVAR(end_doc, "end(call)\n--\n\nSee statemeter.calls.");
PyDoc_STRVAR(read_doc, "read(seq, call)\n--\n\nSee statemeter.records; None as of put().");
PyDoc_STRVAR(builds_doc, "builds(name, in_python, first)\n--\n\nFor take().");
PyDoc_STRVAR(take_doc, "take(probe, most)\n--\n\nSee statemeter.probe.");
PyDoc_STRVAR(statm_doc, "statm(fd, page_bytes)\n--\n\nFor memory_after().");
PyDoc_STRVAR(looked_doc, "looked(at_ns, bytes, mark)\n--\n\nFor node().");
PyDoc_STRVAR(after_doc, "memory_after(now_ns)\n--\n\nSee statemeter.resident.");
PyDoc_STRVAR(before_doc, "memory_before(now_ns)\n--\n\nSee statemeter.resident.");
PyDoc_STRVAR(nodes_doc,
             "nodes(SCOPE, probe, build, fault, ended, note_run, between)\n--\n\nFor node_begin().");
PyDoc_STRVAR(node_begin_doc, "node_begin(runnable, config)\n--\n\nSee statemeter.nodes.");
PyDoc_STRVAR(peak_doc, "peak(at_ns, duration_ns, before, after)\n--\n\nSee statemeter.resident.");
PyDoc_STRVAR(node_doc, "node(nodes, seq, run)\n--\n\nSee statemeter.records; None as of put().");
PyDoc_STRVAR(timed_doc, "timed(method, in_python, dumps)\n--\n\nSee statemeter.serde.");

/* As METH_FASTCALL has them. */
#define FAST(function) (PyCFunction)(void (*)(void))function, METH_FASTCALL

static PyMethodDef functions[] = {
    {"largest", fast_largest, METH_VARARGS, largest_doc},
    {"document", fast_document, METH_VARARGS, document_doc},
    {"line", fast_line, METH_O, line_doc},
    {"put", FAST(fast_put), put_doc},
    {"note_put", FAST(fast_note_put), note_put_doc},
    {"writes", FAST(fast_writes), writes_doc},
    {"read", FAST(fast_read), read_doc},
    {"builds", fast_builds, METH_VARARGS, builds_doc},
    {"take", FAST(fast_take), take_doc},
#ifndef _WIN32
    {"measures", fast_measures, METH_VARARGS, measures_doc},
    {"begin", FAST(fast_begin), begin_doc},
    {"end", fast_end, METH_O, end_doc},
    {"timed", fast_make_timed, METH_VARARGS, timed_doc},
    {"statm", fast_statm, METH_VARARGS, statm_doc},
    {"looked", fast_looked, METH_VARARGS, looked_doc},
    {"memory_after", fast_memory_after, METH_O, after_doc},
    {"memory_before", fast_memory_before, METH_O, before_doc},
    {"nodes", fast_nodes, METH_VARARGS, nodes_doc},
    {"node_begin", FAST(fast_node_begin), node_begin_doc},
    {"peak", fast_peak, METH_VARARGS, peak_doc},
    {"node", FAST(fast_node), node_doc},
#endif
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "statemeter._fast", "What the probe does most.", 0, functions,
};

PyMODINIT_FUNC PyInit__fast(void)
{
    fast_lines_begin();
    if (fast_fields_begin() || fast_notes_begin() || fast_queue_begin())
        return NULL;
    return PyModule_Create(&definition);
}
