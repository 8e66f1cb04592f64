# SPDX-License-Identifier: MIT
# nginx from Debian, as a user without rights. The context is this directory.

FROM debian:trixie-slim
RUN apt-get update && \
    apt-get install -y --no-install-recommends curl nginx && \
    apt-get clean && rm -rf /var/lib/apt/lists/*
COPY nginx.conf /etc/nginx/nginx.conf
EXPOSE 8080
USER 10002:10002
# Finish what is running, then stop.
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["curl", "-fsS", "http://127.0.0.1:8080/nginx-health"]
# -p: where it writes. -e: its messages before it has read its configuration.
CMD ["nginx", "-e", "stderr", "-p", "/tmp/", "-c", "/etc/nginx/nginx.conf"]
