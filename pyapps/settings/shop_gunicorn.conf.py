wsgi_app = "app_main:application"
bind = "127.0.0.1:8000"
workers = 4
worker_class = "gthread"
threads = 2
worker_tmp_dir = "/dev/shm"
timeout = 30
graceful_timeout = 20
keepalive = 5
max_requests = 5000
max_requests_jitter = 500
accesslog = "-"
forwarded_allow_ips = "10.0.0.0/8"


def post_fork(server, worker):
    server.log.info("worker %s", worker.pid)
