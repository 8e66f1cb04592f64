/* SPDX-License-Identifier: MIT
 * wsgi.file_wrapper (PEP 3333, "Optional Platform-Specific File Handling"). */
#ifndef CLUTCH_WSGI_FILE_H
#define CLUTCH_WSGI_FILE_H

#include "python_api.h"

#include "attrs.h"

struct names;
struct wsgi_response;

struct wsgi_files {
    PyTypeObject *wrapper;  /* owned: FileWrapper(filelike, blksize=8192) */
    PyObject *plain_file;   /* owned: io.FileIO */
    PyObject *plain_reader; /* owned: io.BufferedReader */
    PyObject *plain_random; /* owned: io.BufferedRandom */
};

/* Require the GIL. init returns 0, or -1 with an exception; end it with fini either way. */
int wsgi_files_init(struct wsgi_files *) MUST_CHECK;
void wsgi_files_fini(struct wsgi_files *);

/* Sends a wrapper (an exact instance of files->wrapper) without reading it into Python: from the file's current
 * position to its end or to the declared Content-Length. That takes a regular file whose read() gives the very bytes of
 * its descriptor: an io file, or an object that hands out such a file's read() as its own (tempfile, Django), but not,
 * say, a gzip file. Requires the GIL, gives it up while sending. Returns 1 when the response is sent, 0 when the
 * wrapper has to be iterated, -1 with an exception. */
int wsgi_file_send(const struct wsgi_files *, const struct names *, struct wsgi_response *,
                   PyObject *wrapper) MUST_CHECK;

#endif
