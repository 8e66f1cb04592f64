# SPDX-License-Identifier: MIT
# Redis from Debian, as a user without rights. The context is this directory.

FROM debian:trixie-slim
RUN apt-get update && \
    apt-get install -y --no-install-recommends redis-server && \
    apt-get clean && rm -rf /var/lib/apt/lists/* && \
    install -d -o 10003 -g 10003 -m 750 /data
COPY redis.conf /etc/broker.conf
VOLUME /data
EXPOSE 6379
USER 10003:10003
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["sh", "-c", "redis-cli ping | grep -q PONG"]
CMD ["redis-server", "/etc/broker.conf"]
