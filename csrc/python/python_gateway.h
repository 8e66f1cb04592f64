/* SPDX-License-Identifier: MIT
 * The gateway that runs WSGI applications (PEP 3333) in an embedded CPython.
 *
 * What environ holds beside the request fields, HTTP_<NAME>, CONTENT_TYPE and CONTENT_LENGTH (all values str unless
 * said otherwise; bytes of the request stand for code points 0 to 255):
 *
 *   REQUEST_METHOD              as sent
 *   SCRIPT_NAME                 ''
 *   PATH_INFO                   the path, percent-decoded, otherwise untouched; '*' for OPTIONS *
 *   QUERY_STRING                as sent, without '?'; '' when there is none
 *   REQUEST_URI, RAW_URI        the request target as sent
 *   SERVER_PROTOCOL             'HTTP/1.0' or 'HTTP/1.1'
 *   SERVER_NAME, SERVER_PORT    of the listener ('localhost' and the scheme's port for a unix socket)
 *   SERVER_SOFTWARE             'clutch/<version>'
 *   REMOTE_ADDR, REMOTE_PORT    of the client, also when a trusted proxy has named it ('' and absent: a unix socket,
 * not known) HTTPS                       'on' for https, else absent HTTP_HOST                   as a trusted proxy
 * says, else the authority of an absolute-form target, else as sent CONTENT_LENGTH              as sent; of a chunked
 * body its length once decoded (HTTP_TRANSFER_ENCODING is left out) wsgi.version                (1, 0) wsgi.url_scheme
 * 'http' or 'https' wsgi.input                  the request body, complete; it ends where the body ends
 *   wsgi.input_terminated       True: reading to the end is safe without CONTENT_LENGTH
 *   wsgi.errors                 text stream to the error log
 *   wsgi.multithread            whether this worker has several app threads
 *   wsgi.multiprocess           whether there are several workers
 *   wsgi.run_once               False
 *   wsgi.file_wrapper           FileWrapper(filelike, blksize=8192)
 *   wsgi.early_hints            callable([(name, value), ...]) -> bool: sends 103 Early Hints
 *   clutch.version              the server's version
 *   pairs of --environ          as given, where the server does not set that name itself
 *   clutch.worker               number of the worker, from 1 (int)
 *   clutch.peer_addr            address of whoever is connected: the client's, or the proxy's ('' for a unix socket)
 *   clutch.queue_us             microseconds this request waited for a free app thread (int)
 *   clutch.gil_wait_us          microseconds it then waited for the GIL (int)
 *   clutch.client_disconnected  callable without arguments: True when the client has hung up
 */
#ifndef CLUTCH_PYTHON_GATEWAY_H
#define CLUTCH_PYTHON_GATEWAY_H

#include "gateway.h"

/* While the application is imported, Python's signal module may take SIGINT if it is at its default: install the
 * server's own handlers after start(). stop() waits for threads of the application, however long they take. */
extern const struct gateway_ops python_gateway;

#endif
