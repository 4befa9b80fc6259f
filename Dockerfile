# The application and nothing else; build it first: ./mvnw -pl app -am -DskipTests package
# The same image without a Docker daemon: ./mvnw -Pimage -pl app -am -DskipTests package
FROM eclipse-temurin:17-jre

RUN groupadd --gid 10001 engram \
    && useradd --uid 10001 --gid engram --home-dir /opt/engram --no-create-home --shell /usr/sbin/nologin engram \
    && mkdir -p /data \
    && chown engram:engram /data

COPY engram /opt/engram/engram
COPY app/target/lib /opt/engram/libs
COPY app/target/engram-app.jar /opt/engram/classpath/engram-app.jar

USER 10001:10001
ENV ENGRAM_HTTP_HOST=0.0.0.0 ENGRAM_STATE_DIR=/data
VOLUME /data
EXPOSE 7432 9090
ENTRYPOINT ["/opt/engram/engram"]
CMD ["serve"]
