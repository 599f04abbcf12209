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
PyDoc_STRVAR(measures_doc, "measures(Call, CALL, SCOPE, fault, part, begin)\n--\n\nFor begin().");
PyDoc_STRVAR(begin_doc, "begin(saver, build, config, note, given)\n--\n\nSee statemeter.calls.");
PyDoc_STRVAR(end_doc, "end(call)\n--\n\nSee statemeter.calls.");
PyDoc_STRVAR(dumped_doc, "dumped(dumps, serializer, object)\n--\n\nSee statemeter.serde.");
PyDoc_STRVAR(loaded_doc, "loaded(loads, serializer, data)\n--\n\nSee statemeter.serde.");

/* As METH_FASTCALL has them. */
#define FAST(function) (PyCFunction)(void (*)(void))function, METH_FASTCALL

static PyMethodDef functions[] = {
    {"largest", fast_largest, METH_VARARGS, largest_doc},
    {"document", fast_document, METH_VARARGS, document_doc},
    {"line", fast_line, METH_O, line_doc},
    {"put", FAST(fast_put), put_doc},
    {"note_put", FAST(fast_note_put), note_put_doc},
    {"writes", FAST(fast_writes), writes_doc},
#ifndef _WIN32
    {"measures", fast_measures, METH_VARARGS, measures_doc},
    {"begin", FAST(fast_begin), begin_doc},
    {"end", fast_end, METH_O, end_doc},
    {"dumped", FAST(fast_dumped), dumped_doc},
    {"loaded", FAST(fast_loaded), loaded_doc},
#endif
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "statemeter._fast", "What the probe does most.", 0, functions,
};

PyMODINIT_FUNC PyInit__fast(void)
{
    fast_lines_begin();
    if (fast_puts_begin() || fast_notes_begin())
        return NULL;
    return PyModule_Create(&definition);
}
