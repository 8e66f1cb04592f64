import multiprocessing

wsgi_app = "app_main:application"
bind = ["0.0.0.0:8000"]
workers = min(multiprocessing.cpu_count(), 1) * 5
worker_class = "gthread"
threads = 4
timeout = 60
keepalive = 5
umask = 0o027
accesslog = "-"


def pre_request(worker, request):
    worker.log.info("%s", request.path)
