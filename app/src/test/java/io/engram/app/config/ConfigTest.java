package io.engram.app.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.engram.schemas.Lane;
import io.engram.topology.TopologyConfig;
import io.engram.topology.admission.AdmissionConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.config.ConfigDef;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigTest {
    private static final int CORES = Runtime.getRuntime().availableProcessors();

    private static EngramConfig load(String... assignments) {
        ConfigLoader loader = new ConfigLoader();
        for (String assignment : assignments) {
            loader.set(assignment);
        }
        return loader.load();
    }

    /** A changed key or default is a change for everybody who runs this: it has to be made here as well. */
    @Test
    void shouldPinEveryKeyAndDefault() {
        Map<String, String> pinned = new TreeMap<>();
        pinned.put("kafka.bootstrap.servers", "127.0.0.1:9092");
        pinned.put("application.id", "engram-streaming");
        pinned.put("state.dir", ".engram/state");
        pinned.put("topics.prefix", "engram");
        pinned.put("topics.max.message.bytes", "8388608");
        pinned.put("topics.compression.type", "uncompressed");
        pinned.put("partitions", "8");
        pinned.put("replication.factor", "-1");
        pinned.put("http.host", "127.0.0.1");
        pinned.put("http.port", "7432");
        pinned.put("http.max.body.bytes", "8388608");
        pinned.put("http.max.concurrent.requests", "64");
        pinned.put("http.max.waiting.requests", "256");
        pinned.put("http.address.share", "0.5");
        pinned.put("http.idle.timeout.ms", "75000");
        pinned.put("recall.timeout.ms", "2000");
        pinned.put("metrics.port", "9090");
        pinned.put("metrics.max.spaces", "1000");
        pinned.put("advertised.url", "");
        pinned.put("admission.policy", "reject");
        pinned.put("queue.capacity", "160000");
        pinned.put("queue.capacity.high", "0");
        pinned.put("queue.capacity.normal", "0");
        pinned.put("queue.capacity.low", "0");
        pinned.put("backpressure.warning", "0.5");
        pinned.put("backpressure.critical", "0.8");
        pinned.put("backpressure.overloaded", "0.95");
        pinned.put("backpressure.hold.ms", "5000");
        pinned.put("backpressure.max.retry.after.ms", "300000");
        pinned.put("backpressure.status.interval.ms", "5000");
        pinned.put("lane.normal.slack.ms", "60000");
        pinned.put("lane.low.slack.ms", "600000");
        pinned.put("session.idle.ms", "300000");
        pinned.put("session.retention.ms", "86400000");
        pinned.put("rejected.retention.ms", "604800000");
        pinned.put("index.engine", "sketch");
        pinned.put("index.workers", Integer.toString(CORES));
        pinned.put("index.m", "16");
        pinned.put("index.ef.construction", "100");
        pinned.put("index.batch.sizes", "10,100,500,1000");
        pinned.put("index.queue.steps", "100,1000,10000");
        pinned.put("index.retry.interval.ms", "5000");
        pinned.put("index.vector.cache.bytes", "67108864");
        pinned.put("index.max.hand.over.wait.ms", "100");
        pinned.put("index.max.background.pending", "10000");
        pinned.put("work.steal.threshold", "1000");
        pinned.put("stream.threads", Integer.toString(Math.max(1, CORES / 2)));
        pinned.put("standby.replicas", "1");
        pinned.put("standby.max.lag", "10000");
        pinned.put("commit.interval.ms", "100");
        pinned.put("tick.ms", "100");
        pinned.put("lag.interval.ms", "200");
        pinned.put("shutdown.timeout.ms", "30000");
        pinned.put("max.thread.replacements", "5");
        pinned.put("shutdown.drain.ms", "1000");
        pinned.put("warm.up.ms", "3000");
        pinned.put("index.max-memory", "0");
        pinned.put("index.scan.threshold", "1000");
        pinned.put("snapshot.interval.ms", "60000");
        pinned.put("snapshot.changes", "100000");
        pinned.put("retention.ttl.ms", "0");
        pinned.put("retention.max.memories", "0");
        pinned.put("redelivery.enabled", "true");
        pinned.put("redelivery.window", "500");
        pinned.put("redelivery.trickle.per.second", "10");
        pinned.put("cluster.secret", "[hidden]");
        pinned.put("routing.host.timeout.ms", "500");
        pinned.put("session.cache.bytes", "8388608");
        pinned.put("rocksdb.block.cache.bytes", "134217728");
        pinned.put("rocksdb.write.buffer.bytes", "134217728");

        Map<String, String> actual = new TreeMap<>();
        for (ConfigDef.ConfigKey key : ConfigKeys.DEFINITION.configKeys().values()) {
            actual.put(key.name, ConfigDef.convertToString(key.defaultValue, key.type));
            assertThat(key.documentation).as(key.name).endsWith(".");
        }
        assertThat(actual).isEqualTo(pinned);
    }

    @Test
    void shouldHaveAReferencePageThatIsUpToDate() throws IOException {
        assertThat(Files.readString(Path.of("../docs/reference/config.md")))
                .as("./engram config --markdown > docs/reference/config.md")
                .isEqualTo(ConfigReference.markdown());
    }

    @Test
    void shouldSplitTheGuidesTotalCapacityOneToTenToFive() {
        AdmissionConfig standard = load().topology().admission();
        assertThat(standard.capacities())
                .isEqualTo(Map.of(Lane.HIGH, 10_000L, Lane.NORMAL, 100_000L, Lane.LOW, 50_000L));

        TopologyConfig guide = new ConfigLoader()
                .environment(Map.of(
                        "QUEUE_CAPACITY", "200000", "NORMAL_QUEUE_CAPACITY", "150000", "WORK_STEAL_THRESHOLD", "2000"))
                .load()
                .topology();
        assertThat(guide.admission().capacities())
                .isEqualTo(Map.of(Lane.HIGH, 12_500L, Lane.NORMAL, 150_000L, Lane.LOW, 62_500L));
        assertThat(guide.indexing().stealThreshold()).isEqualTo(2_000);
    }

    @Test
    void shouldPreferSetToEnvironmentToFile(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("engram.properties");
        Files.writeString(file, "http.port=1001\nmetrics.port=1002\npartitions=3\nkafka.security.protocol=SSL\n");

        EngramConfig config = new ConfigLoader()
                .file(file)
                .environment(Map.of("ENGRAM_HTTP_PORT", "2001", "ENGRAM_METRICS_PORT", "2002", "PATH", "/bin"))
                .set("http.port=3001")
                .load();

        assertThat(config.httpPort()).isEqualTo(3_001);
        assertThat(config.metricsPort()).isEqualTo(2_002);
        assertThat(config.partitions()).isEqualTo(3);
        assertThat(config.kafka())
                .containsEntry("security.protocol", "SSL")
                .containsEntry("bootstrap.servers", "127.0.0.1:9092");
    }

    @Test
    void shouldPassClientSettingsThrough() {
        EngramConfig config = new ConfigLoader()
                .environment(Map.of("ENGRAM_KAFKA_SASL_MECHANISM", "PLAIN", "ENGRAM_PRODUCER_LINGER_MS", "7"))
                .set("streams.num.stream.threads=3")
                .set("consumer.fetch.max.bytes=5")
                .load();

        assertThat(config.kafka()).containsEntry("sasl.mechanism", "PLAIN");
        assertThat(config.producer()).containsEntry("linger.ms", "7");
        assertThat(config.streams()).containsEntry("num.stream.threads", "3");
        assertThat(config.consumer()).containsEntry("fetch.max.bytes", "5");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "http.prt=1 | unknown key http.prt in --set; did you mean http.port?",
                "nonsense=1 | unknown key nonsense",
                "http.port=abc | http.port: Not a number",
                "http.port=70000 | http.port: Value must be no more than 65535",
                "partitions=0 | partitions: Value must be at least 1",
                "http.address.share=NaN | http.address.share: Value must be a number from 0.01 to 1.0",
                "http.address.share=Infinity | http.address.share: Value must be a number from 0.01 to 1.0",
                "backpressure.warning=NaN | backpressure.warning: Value must be a number from 0.0 to 1.0",
                "backpressure.critical=NaN | backpressure.critical: Value must be a number from 0.0 to 1.0",
                "backpressure.overloaded=NaN | backpressure.overloaded: Value must be a number from 0.0 to 1.0",
                "application.id=a/b | application.id: topics and directories are named after it",
                "application.id=.. | application.id: topics and directories are named after it",
                "application.id= | application.id: topics and directories are named after it",
                "admission.policy=drop | admission.policy: String must be one of: reject, backlog",
                "backpressure.warning=0.9 | thresholds must rise",
                "index.batch.sizes=10,5,1,0 | 4 rising numbers",
                "index.batch.sizes=a,b,c,d | whole numbers",
                "index.ef.construction=8 | efConstruction < m: 8 < 16",
                "lane.low.slack.ms=3600000 | lane.low.slack.ms: Value must be no more than 3000000",
                "topics.prefix=a.b | hyphens only",
                "advertised.url=nonsense | advertised.url: must be a URL",
                "advertised.url=http://fd00::5:7432 | advertised.url: must have its IPv6 address in brackets",
                "advertised.url=http://engram:7432/x | advertised.url: must end with its port",
                "http.host=no host | http.host: must be an address or a host name",
                "kafka.bootstrap.servers=, ; | kafka.bootstrap.servers: must name a broker",
                "kafka.bootstrap.servers=a | kafka.bootstrap.servers: must be host:port",
                "kafka.bootstrap.servers=a:b | kafka.bootstrap.servers: must be host:port",
                "kafka.bootstrap.servers=a:70000 | kafka.bootstrap.servers: must be host:port",
                "kafka.bootstrap.servers=::1:9092 | stands in brackets",
                "index.queue.steps=, | rising",
                "noequals | --set wants key=value"
            })
    void shouldSayWhatIsWrong(String assignment, String message) {
        assertThatThrownBy(() -> load(assignment)).hasMessageContaining(message);
    }

    @ParameterizedTest
    @CsvSource({
        "http.host=::1, ::1, http://[::1]:7432, [::1]:7432",
        "http.host=[::1], ::1, http://[::1]:7432, [::1]:7432",
        "advertised.url=http://[::1]:7432, 127.0.0.1, http://[::1]:7432, [::1]:7432",
        "advertised.url=http://engram_1:7432, 127.0.0.1, http://engram_1:7432, engram_1:7432",
        "advertised.url=https://engram.example, 127.0.0.1, https://engram.example:443, engram.example:443"
    })
    void shouldKnowHostsOfEveryKind(String assignment, String host, String url, String address) {
        EngramConfig config = load(assignment);

        assertThat(config.httpHost()).isEqualTo(host);
        assertThat(config.advertisedUrl()).isEqualTo(url);
        assertThat(config.advertisedAddress()).isEqualTo(address);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.0.0.0", "::", "[::]"})
    void shouldAdvertiseAnAddressWhenListeningOnAll(String host) {
        assertThat(load("http.host=" + host).advertisedAddress())
                .endsWith(":7432")
                .doesNotContain("0.0.0.0")
                .doesNotContain("[::]");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a:1,b:2",
                "a:1, b:2",
                "a:1 ,b:2",
                " a:1,b:2,",
                ",a:1,,b:2",
                "a:1,\n  b:2\n",
                "a:1;b:2",
                "a:1\tb:2",
                "a:1,\r\nb:2"
            })
    void shouldReadListsAsPeopleWriteThem(String list) {
        EngramConfig config = new ConfigLoader()
                .environment(Map.of("ENGRAM_KAFKA_BOOTSTRAP_SERVERS", list))
                .load();
        assertThat(config.bootstrapServers()).isEqualTo("a:1,b:2");
        assertThat(config.kafka()).containsEntry("bootstrap.servers", "a:1,b:2");
    }

    @Test
    void shouldTakeEveryKindOfAddress() {
        assertThat(load("kafka.bootstrap.servers=[::1]:9092, kafka_1:9093, SASL_SSL://b.example:9094")
                        .brokers())
                .extracting(address -> address.getHostString() + " " + address.getPort())
                .containsExactly("::1 9092", "kafka_1 9093", "b.example 9094");
    }

    @Test
    void shouldPassOverItemsWithoutAnything() {
        assertThat(load("index.batch.sizes= 10, 100 ,,500,1000,")
                        .topology()
                        .indexing()
                        .batchSizes())
                .containsExactly(10, 100, 500, 1_000);
    }

    @Test
    void shouldNameWhereABadValueCameFrom() {
        assertThatThrownBy(() -> new ConfigLoader()
                        .environment(Map.of("ENGRAM_PARTITIONS", "-1"))
                        .load())
                .hasMessageContaining("environment variable ENGRAM_PARTITIONS");
        assertThatThrownBy(() -> new ConfigLoader().environment(Map.of("ENGRAM_HTPP_PORT", "1")))
                .hasMessageContaining("unknown environment variable ENGRAM_HTPP_PORT");
        assertThatThrownBy(() -> new ConfigLoader().file(Path.of("/does/not/exist")))
                .hasMessageContaining("/does/not/exist");
    }

    @Test
    void shouldIgnoreWhatKubernetesAndTheLauncherAdd() {
        EngramConfig config = new ConfigLoader()
                .environment(Map.of(
                        "ENGRAM_SERVICE_HOST", "10.0.0.1",
                        "ENGRAM_PORT_7432_TCP_ADDR", "10.0.0.1",
                        "ENGRAM_HTTP_PORT", "tcp://10.0.0.1:7432",
                        "ENGRAM_KAFKA_SERVICE_HOST", "10.0.0.2",
                        "ENGRAM_QUERY_SERVICE_HOST", "10.0.0.1",
                        "ENGRAM_QUERY_SERVICE_PORT_HTTP", "7432",
                        "ENGRAM_QUERY_PORT_7432_TCP_ADDR", "10.0.0.1",
                        "ENGRAM_QUERY_PORT", "tcp://10.0.0.1:7432",
                        "ENGRAM_JAVA_OPTS", "-Xmx1g"))
                .load();
        assertThat(config.httpPort()).isEqualTo(7_432);
    }
}
