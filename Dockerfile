# syntax=docker/dockerfile:1

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The caches survive between builds, so that only what changed is compiled again.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --locked --release --bin doorward \
    && install -D target/release/doorward /out/doorward

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --home-dir /var/lib/doorward --shell /usr/sbin/nologin doorward \
    && install -d -o doorward -g doorward -m 0700 /var/lib/doorward
COPY --from=build /out/doorward /usr/local/bin/doorward

USER doorward
WORKDIR /var/lib/doorward
# Holds the master key, and the database unless DOORWARD_DATABASE_URL names another.
VOLUME /var/lib/doorward
ENV DOORWARD_DATA_DIR=/var/lib/doorward \
    DOORWARD_LISTEN=0.0.0.0:8484
EXPOSE 8484
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["doorward", "healthcheck"]
ENTRYPOINT ["doorward"]
CMD ["serve"]
