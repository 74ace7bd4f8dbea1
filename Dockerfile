# syntax=docker/dockerfile:1

# Both can be named by digest, for a build that others can repeat:
#   docker build --build-arg BUILD_IMAGE=rust@sha256:… --build-arg RUNTIME_IMAGE=…@sha256:… .
ARG BUILD_IMAGE=rust:1.95-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY . .
# `docker build --build-arg DOORWARD_COMMIT=$(git rev-parse HEAD) .` for `doorward --version`: the
# history is not copied.
ARG DOORWARD_COMMIT=
# The caches survive between builds, so that only what changed is compiled again.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    RUSTFLAGS="--remap-path-prefix=/usr/local/cargo=/cargo --remap-path-prefix=/src=/doorward" \
    cargo build --locked --release --bin doorward \
    && install -D target/release/doorward /out/usr/local/bin/doorward \
    && install -D -m 0644 docs/sbom.cdx.json /out/usr/share/doc/doorward/sbom.cdx.json \
    && install -D -m 0644 LICENSE /out/usr/share/doc/doorward/LICENSE \
    && install -d -m 0700 /out/var/lib/doorward

# The C library and the certificates of authorities, and no shell, no package manager and no other
# program that somebody could use who got in.
FROM ${RUNTIME_IMAGE}
COPY --from=build /out/usr /usr
COPY --from=build --chown=10001:10001 /out/var/lib/doorward /var/lib/doorward

# A number, because there need be no such user: nothing in the image belongs to it but this folder.
USER 10001:10001
WORKDIR /var/lib/doorward
# Holds the master key, and the database unless DOORWARD_DATABASE_URL names another. Nothing is
# written elsewhere:
#   docker run --read-only --cap-drop=ALL --security-opt=no-new-privileges -v doorward:/var/lib/doorward …
VOLUME /var/lib/doorward
ENV DOORWARD_DATA_DIR=/var/lib/doorward \
    DOORWARD_LISTEN=0.0.0.0:8484
EXPOSE 8484
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["/usr/local/bin/doorward", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/doorward"]
CMD ["serve"]
