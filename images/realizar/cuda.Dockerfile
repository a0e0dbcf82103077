# realizar, as the program `apr` of aprender, with CUDA. Nobody publishes an image of it. Not built by the kit's
# makers, who have no crate registry; the recipe is from the documentation of the crates.
#
# Built by `kit images build realizar/cuda`, which makes the context:
#   extra-ca/          certificates of a company's network, if KIT_CA_BUNDLE names some
ARG BUILDER=rust:1.93-bookworm
ARG BASE=kit/base:bookworm

FROM ${BUILDER} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends build-essential ca-certificates libssl-dev pkg-config \
 && rm -rf /var/lib/apt/lists/*
COPY extra-ca/ /tmp/extra-ca/
# The registry's index has the hash of every crate, and --locked takes the versions that were published with it.
ARG APR_VERSION=0.70.2
# Without the feature it takes --gpu and computes on the CPU in silence. No nvcc: it writes PTX itself, and libcuda
# comes from the driver.
RUN cat /tmp/extra-ca/*.crt >> /etc/ssl/certs/ca-certificates.crt 2>/dev/null; \
    CARGO_HTTP_CAINFO=/etc/ssl/certs/ca-certificates.crt \
    cargo install apr-cli --version "${APR_VERSION}" --locked --root /opt/apr --features cuda

FROM ${BASE} AS source
RUN apt-get update \
 && apt-get install -y --no-install-recommends libssl3 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/apr/bin/apr /usr/local/bin/apr
# The version that it gives has been wrong before: the hash says which program this is.
RUN sha256sum /usr/local/bin/apr > /usr/local/share/apr.sha256
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/apr"]
