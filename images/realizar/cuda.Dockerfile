# realizar, as the program `apr` of aprender, with CUDA. Nobody publishes an image of it. Never run by
# the kit's makers, who have no such GPU.
#
# Two targets: `source` compiles it; `kept` takes the program of an earlier build from source.
#
# Built by `kit images build realizar/cuda`, which makes the context:
#   source/            the crate apr-cli, with the lock file it was published with
#   registries/        where cargo fetches crates from, by the settings of this machine
#   kept/              the program, for the target `kept`
#   extra-ca/          certificates of a company's network, if KIT_CA_BUNDLE names some
ARG BASE=kit/base:forky

FROM ${BASE} AS base
# The archive of a Debian in the making is signed for a week at a time; a mirror or a snapshot may be older.
RUN apt-get -o Acquire::Check-Valid-Until=false update \
 && apt-get install -y --no-install-recommends libgcc-s1 \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir -p /cache/cuda && chown -R 10001:10001 /cache
# It hands PTX to the driver, which compiles it for the GPU: kept here, in a volume of the kit.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    CUDA_CACHE_PATH=/cache/cuda CUDA_CACHE_MAXSIZE=4294967296
VOLUME /cache
WORKDIR /tmp
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/apr"]

FROM base AS kept
COPY kept/ /usr/local/bin/
USER 10001:10001

FROM ${BASE} AS build
RUN apt-get -o Acquire::Check-Valid-Until=false update \
 && apt-get install -y --no-install-recommends ca-certificates cargo g++ libssl-dev pkg-config \
 && rm -rf /var/lib/apt/lists/*
COPY extra-ca/ /tmp/extra-ca/
RUN cat /tmp/extra-ca/*.crt >> /etc/ssl/certs/ca-certificates.crt 2>/dev/null || true
COPY source/ /source/
RUN mkdir /src && tar -xzf /source/apr-cli-*.crate -C /src --strip-components=1
WORKDIR /src
COPY registries/ /cargo/
ENV CARGO_HOME=/cargo CARGO_HTTP_CAINFO=/etc/ssl/certs/ca-certificates.crt
RUN mv /cargo/cargo.toml /cargo/config.toml && cargo fetch --locked
# Without the feature it would take --gpu and compute on the CPU. No nvcc: it writes PTX itself, and libcuda comes
# from the driver.
RUN cargo build --locked --offline --release --no-default-features --features inference,cuda --bin apr \
 && mkdir /out && cp target/release/apr /out/apr && strip /out/apr && rm -rf target

FROM base AS source
COPY --from=build /out/apr /usr/local/bin/apr
USER 10001:10001
