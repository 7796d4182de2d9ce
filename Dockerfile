# The gateway as an image: one binary, its user and its folders.
#
#   docker build -t signalbox .
#   docker run --read-only -p 127.0.0.1:8080:8080 -v signalbox:/var/lib/signalbox signalbox
#
# Only /var/lib/signalbox is ever written. Route files and schemas are mounted under /etc/signalbox/; without them the gateway
# runs on its embedded log alone. The admin listener stays inside the container until a signalbox.yaml says otherwise.

FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
# Dependencies in a layer of their own, which only a changed Cargo.lock builds again: every target is an empty one at first.
RUN sed -n 's/^path = "\(.*\)"/\1/p' Cargo.toml | while read -r target; do \
      mkdir -p "$(dirname "$target")" && echo 'fn main() {}' >"$target"; \
    done && \
    cargo build --locked --release --features vendored-openssl
COPY src src
# Cargo goes by times, and the sources may be older than their empty forerunners.
RUN find src -name '*.rs' -exec touch {} + && \
    cargo build --locked --release --features vendored-openssl --bin signalbox

FROM debian:12.11-slim
RUN install -d -o 10001 -g 10001 -m 0750 /var/lib/signalbox && \
    install -d /etc/signalbox/routes /etc/signalbox/schemas
# Whom TLS trusts; the image has no certificates of its own.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /build/target/release/signalbox /usr/local/bin/signalbox

ENV SIGNALBOX_LISTEN=0.0.0.0:8080 \
    SIGNALBOX_DATA_DIR=/var/lib/signalbox \
    SIGNALBOX_ROUTES_DIR=/etc/signalbox/routes \
    SIGNALBOX_SCHEMAS_DIR=/etc/signalbox/schemas
USER 10001:10001
WORKDIR /var/lib/signalbox
VOLUME /var/lib/signalbox
EXPOSE 8080 8081
# Readiness goes first, then requests and deliveries in flight: up to 25 seconds.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["signalbox", "health"]
ENTRYPOINT ["signalbox"]
CMD ["serve"]
