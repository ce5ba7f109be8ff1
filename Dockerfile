# gradd in a container.
#
#   docker build -t gradd .                  the service
#   docker build --target test .             the same platform, with every test run on it
#   docker build --build-arg COMMIT=$(git rev-parse --short=12 HEAD) -t gradd .
#
# On Debian 12: --build-arg BASE=debian:bookworm-slim --build-arg MICROHTTPD=libmicrohttpd12

ARG BASE=debian:trixie-slim

FROM ${BASE} AS build
WORKDIR /src
COPY deploy/deps.sh deploy/deps.sh
RUN deploy/deps.sh build
COPY . .
ARG COMMIT=unknown
RUN make COMMIT="$COMMIT" all && make COMMIT="$COMMIT" install DESTDIR=/out

FROM build AS test
RUN deploy/deps.sh test
ARG COMMIT=unknown
RUN make COMMIT="$COMMIT" test

FROM ${BASE} AS final
ARG MICROHTTPD=libmicrohttpd12t64
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends \
        "$MICROHTTPD" libjansson4 libopenblas0-pthread libstdc++6 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} +
COPY --from=build /out/usr/local/bin/gradd /usr/local/bin/gradd
COPY --from=build /out/usr/local/lib/libgrad.so.0 /usr/local/lib/libgrad.so.0
ENV GRADD_LISTEN=0.0.0.0:8080
EXPOSE 8080
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["gradd", "--healthcheck"]
ENTRYPOINT ["gradd"]
