package io.engram.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ObservationCodecTest {
    private static final String VECTOR = "\"embedding\":[1,0.5]";
    private static final String HEAD = "\"session\":\"s\",\"sequence\":1,\"content\":\"c\"";

    private static Decoded decode(String json) {
        return ObservationCodec.decode(Optional.of(json.getBytes(StandardCharsets.UTF_8)));
    }

    private static Observation valid(String json) {
        Decoded decoded = decode(json);
        assertThat(decoded).isInstanceOf(Decoded.Valid.class);
        return ((Decoded.Valid) decoded).observation();
    }

    private static Decoded.Malformed malformed(Decoded decoded) {
        assertThat(decoded).isInstanceOf(Decoded.Malformed.class);
        return (Decoded.Malformed) decoded;
    }

    @Test
    void shouldReadEveryField() {
        Observation observation = valid(
                "{\"id\":\"a/b\",\"session\":\"agent-7\",\"sequence\":42,\"content\":\"grüße 🌍\",\"embedding\":[1,-2.5e-1],"
                        + "\"metadata\":{\"k\":\"v\",\"n\":1,\"d\":1.5,\"b\":true,\"l\":[\"x\",\"y\"]},\"confidence\":0.9,"
                        + "\"observed_at\":\"2026-11-23T10:00:00.25+01:00\",\"later\":{\"unknown\":[1,{}]}}");

        assertThat(observation.operation()).isEqualTo(Operation.OBSERVE);
        assertThat(observation.id()).contains("a/b");
        assertThat(observation.position()).contains(new SessionPosition("agent-7", 42));
        assertThat(observation.content()).isEqualTo("grüße 🌍");
        assertThat(observation.embedding()).containsExactly(1f, -0.25f);
        assertThat(observation.metadata().values())
                .isEqualTo(Map.of("k", "v", "n", 1L, "d", 1.5, "b", true, "l", List.of("x", "y")));
        assertThat(observation.confidence()).hasValue(0.9);
        assertThat(observation.observedAt()).contains(Instant.parse("2026-11-23T09:00:00.25Z"));
    }

    @Test
    void shouldReadBase64OfEveryPadding() {
        Random random = new Random(1);
        for (int dimension : new int[] {2, 3, 4, 5, 768, 4096}) {
            float[] embedding = new float[dimension];
            for (int i = 0; i < dimension; i++) {
                embedding[i] = (float) random.nextGaussian();
            }
            Observation observation = valid("{" + HEAD + ",\"embedding\":\"" + Embeddings.toBase64(embedding) + "\"}");
            assertThat(observation.embedding()).containsExactly(embedding);
        }
    }

    @Test
    void shouldReadBase64WithEscapesAndAfterOtherCharacters() {
        float[] embedding = {-1f, 3.5f, 1e-3f, 7f, -0f};
        String base64 = Embeddings.toBase64(embedding);
        for (String text : new String[] {base64, base64.replace("/", "\\/"), base64.replace("A", "\\u0041")}) {
            assertThat(valid("{\"x\":\"äöü🌍\"," + HEAD + ",\"embedding\" : \"" + text + "\"}")
                            .embedding())
                    .containsExactly(embedding);
        }
        assertThat(valid("\ufeff{" + HEAD + ",\"embedding\":\"" + base64 + "\"}")
                        .embedding())
                .containsExactly(embedding);
    }

    @Test
    void shouldReadBackWhatItWrote() {
        Observation observation = new Observation(
                Operation.OBSERVE,
                Optional.of("id"),
                Optional.of(new SessionPosition("session", Long.MAX_VALUE - 1)),
                "content \"quoted\" \u0001",
                new float[] {Float.MIN_VALUE, -Float.MAX_VALUE, 3},
                Metadata.of(Map.of("z", 1, "a", List.of("x"))),
                OptionalDouble.of(1),
                Optional.of(Instant.parse("2026-01-01T00:00:00.123456789Z")),
                SpaceSettings.NONE);

        Observation back = ((Decoded.Valid) ObservationCodec.decode(Optional.of(ObservationCodec.encode(observation))))
                .observation();

        assertThat(back).usingRecursiveComparison().isEqualTo(observation);
    }

    @Test
    void shouldReadBackOtherOperations() {
        for (Observation observation : List.of(
                Observation.observe("without a session", new float[] {1, 2}),
                Observation.forget("x"),
                Observation.of(Operation.DROP),
                Observation.configure(SpaceSettings.ofDimension(64)),
                Observation.forget("s", 1, "x"),
                Observation.of(Operation.CLOSE, "s", 2),
                Observation.of(Operation.DROP, "s", 3),
                Observation.configure("s", 4, SpaceSettings.ofDimension(64)),
                Observation.configure(
                        "s",
                        5,
                        SpaceSettings.ofRetention(
                                OptionalLong.of(86_400_000), OptionalLong.of(SpaceSettings.DEFAULT))))) {
            Decoded decoded = ObservationCodec.decode(Optional.of(ObservationCodec.encode(observation)));
            assertThat(((Decoded.Valid) decoded).observation())
                    .usingRecursiveComparison()
                    .isEqualTo(observation);
        }
    }

    static Stream<Arguments> malformedValues() {
        String longId = "i".repeat(257);
        return Stream.of(
                Arguments.of("hello", "value", "not JSON"),
                Arguments.of("[1]", "value", "JSON object"),
                Arguments.of(" \n", "value", "empty"),
                Arguments.of("{" + HEAD + "," + VECTOR + ",\"confidence\":NaN}", "confidence", "NaN"),
                Arguments.of(
                        "{" + HEAD + "," + VECTOR + ",\"metadata\":{\"a\":Infinity}}",
                        "metadata.a",
                        "out of range: Infinity"),
                Arguments.of(
                        "{" + HEAD + "," + VECTOR + ",\"metadata\":{\"a\":1e10000}}",
                        "metadata.a",
                        "out of range: 1e10000"),
                Arguments.of(
                        "{" + HEAD + "," + VECTOR + ",\"metadata\":{\"a\":[1,1e99999999999]}}",
                        "metadata.a[1]",
                        "out of range"),
                Arguments.of(
                        "{" + HEAD + "," + VECTOR + ",\"metadata\":{\"a\":\"ab\\ud83d\"}}",
                        "metadata.a",
                        "surrogate pair at character 2"),
                Arguments.of(
                        "{" + HEAD + "," + VECTOR + ",\"metadata\":{\"a\":[1,\"\\udc00\"]}}",
                        "metadata.a[1]",
                        "surrogate pair at character 0"),
                Arguments.of(
                        "{" + HEAD + "," + VECTOR + ",\"metadata\":{\"k\\udc00\":1}}",
                        "value",
                        "surrogate in field name"),
                Arguments.of(
                        "{" + HEAD + "," + VECTOR + ",\"metadata\":{\"a\":{\"b\":1},\"a.b\":2}}",
                        "metadata.a.b",
                        "twice"),
                Arguments.of("{" + HEAD + "," + VECTOR + ",\"metadata\":{\"a\":null,\"a\":2}}", "metadata.a", "twice"),
                Arguments.of("{\"x\":1,\"x\":2," + HEAD + "," + VECTOR + "}", "x", "twice"),
                Arguments.of("{\"id\":null,\"id\":\"y\"," + HEAD + "," + VECTOR + "}", "id", "twice"),
                Arguments.of("{\"id\":\"..\"," + HEAD + "," + VECTOR + "}", "id", "'..'"),
                Arguments.of("{\"session\":\".\",\"sequence\":1}", "session", "'.'"),
                Arguments.of(
                        "{" + HEAD + "," + VECTOR + ",\"confidence\":1.00000000000000000001}",
                        "confidence",
                        "1.00000000000000000001"),
                Arguments.of(
                        "{" + HEAD + "," + VECTOR + ",\"metadata\":" + "{\"a\":".repeat(9) + "1" + "}".repeat(10),
                        "metadata.a.a.a.a.a.a.a.a",
                        "deeper than 8"),
                Arguments.of(
                        "{" + HEAD + "," + VECTOR + ",\"metadata\":{\"" + "k".repeat(40_000) + "\":{"
                                + "\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1}}}",
                        "metadata",
                        "more than 262144 bytes"),
                Arguments.of(
                        "{" + HEAD + "," + VECTOR + ",\"unknown\":" + "9".repeat(1_001) + "}",
                        "value",
                        "beyond a limit"),
                Arguments.of("{" + HEAD + "," + VECTOR, "value", "not JSON"),
                Arguments.of("{" + HEAD + "," + VECTOR + "} {}", "value", "goes on"),
                Arguments.of("{" + HEAD + ",\"embedding\":[NaN,1]}", "embedding[0]", "NaN"),
                Arguments.of("{\"sequence\":1,\"content\":\"c\"," + VECTOR + "}", "session", "missing beside sequence"),
                Arguments.of(
                        "{\"session\":\"s\",\"content\":\"c\"," + VECTOR + "}", "sequence", "missing beside session"),
                Arguments.of("{\"session\":null,\"sequence\":1,\"op\":\"drop\"}", "session", "missing"),
                Arguments.of("{\"session\":\"s\",\"sequence\":null,\"op\":\"drop\"}", "sequence", "missing"),
                Arguments.of("{\"op\":\"close\"}", "session", "missing; name the session that close is to end"),
                Arguments.of(
                        "{\"session\":\"s\",\"sequence\":0,\"content\":\"c\"," + VECTOR + "}", "sequence", "got 0"),
                Arguments.of(
                        "{\"session\":\"s\",\"sequence\":-4,\"content\":\"c\"," + VECTOR + "}", "sequence", "got -4"),
                Arguments.of(
                        "{\"session\":\"s\",\"sequence\":1.5,\"content\":\"c\"," + VECTOR + "}", "sequence", "got 1.5"),
                Arguments.of(
                        "{\"session\":\"s\",\"sequence\":\"1\",\"content\":\"c\"," + VECTOR + "}",
                        "sequence",
                        "string"),
                Arguments.of(
                        "{\"session\":\"s\",\"sequence\":9223372036854775808,\"content\":\"c\"," + VECTOR + "}",
                        "sequence",
                        "9223372036854775808"),
                Arguments.of("{\"session\":\"\",\"sequence\":1,\"content\":\"c\"," + VECTOR + "}", "session", "empty"),
                Arguments.of("{\"id\":\"" + longId + "\"," + HEAD + "," + VECTOR + "}", "id", "257 bytes"),
                Arguments.of("{\"id\":\"x\",\"id\":\"y\"," + HEAD + "," + VECTOR + "}", "id", "twice"),
                Arguments.of("{\"id\":\"\\ud800\"," + HEAD + "," + VECTOR + "}", "id", "surrogate"),
                Arguments.of("{\"session\":\"s\",\"sequence\":1," + VECTOR + "}", "content", "missing"),
                Arguments.of(
                        "{\"session\":\"s\",\"sequence\":1,\"content\":\"" + "ä".repeat(32_769) + "\"," + VECTOR + "}",
                        "content",
                        "65538 bytes"),
                Arguments.of("{" + HEAD + "}", "embedding", "missing"),
                Arguments.of("{" + HEAD + ",\"embedding\":[1]}", "embedding", "1 dimensions"),
                Arguments.of("{" + HEAD + ",\"embedding\":[0,0,0]}", "embedding", "zero vector"),
                Arguments.of("{" + HEAD + ",\"embedding\":[1,1e39]}", "embedding[1]", "Infinity"),
                Arguments.of("{" + HEAD + ",\"embedding\":[1,\"2\"]}", "embedding[1]", "must be a number"),
                Arguments.of("{" + HEAD + ",\"embedding\":[1,[2,3]]}", "embedding[1]", "must be a number"),
                Arguments.of("{" + HEAD + ",\"embedding\":{\"x\":[1]}}", "embedding", "an object"),
                Arguments.of("{" + HEAD + ",\"embedding\":\"AAAA AAAA\"}", "embedding", "not base64"),
                Arguments.of("{" + HEAD + ",\"embedding\":\"AAAAAAAA\"}", "embedding", "6 bytes"),
                Arguments.of("{" + HEAD + ",\"embedding\":\"AAAA-AAAAAA=\"}", "embedding", "not base64"),
                Arguments.of("{" + HEAD + ",\"embedding\":\"%%%%\"}", "embedding", "character '%' at 0"),
                Arguments.of("{" + HEAD + ",\"embedding\":\"AACAPwAAgD9=\"}", "embedding", "belong to no byte"),
                Arguments.of("{" + HEAD + ",\"embedding\":\"" + base64(Float.NaN, 1f) + "\"}", "embedding[0]", "NaN"),
                Arguments.of(
                        "{" + HEAD + ",\"embedding\":\"" + base64(1f, Float.NEGATIVE_INFINITY) + "\"}",
                        "embedding[1]",
                        "-Infinity"),
                Arguments.of(
                        "{" + HEAD + ",\"embedding\":[" + "1,".repeat(99_999) + "1]}",
                        "embedding",
                        "100000 dimensions"),
                Arguments.of(
                        "{" + HEAD + "," + VECTOR + ",\"metadata\":{\"a\":[{\"b\":1}]}}",
                        "metadata.a[0]",
                        "got an object; lists hold single values"),
                Arguments.of(
                        "{" + HEAD + "," + VECTOR + ",\"metadata\":{\"a\":[1,[2]]}}", "metadata.a[1]", "got an array"),
                Arguments.of("{" + HEAD + "," + VECTOR + ",\"metadata\":[]}", "metadata", "an array"),
                Arguments.of(
                        "{" + HEAD + "," + VECTOR + ",\"metadata\":{\"a\":\"" + "x".repeat(16_384) + "\"}}",
                        "metadata",
                        "16392 bytes"),
                Arguments.of("{" + HEAD + "," + VECTOR + ",\"confidence\":1.01}", "confidence", "1.01"),
                Arguments.of("{" + HEAD + "," + VECTOR + ",\"observed_at\":\"yesterday\"}", "observed_at", "yesterday"),
                Arguments.of("{" + HEAD + "," + VECTOR + ",\"op\":\"upsert\"}", "op", "upsert"),
                Arguments.of("{\"session\":\"s\",\"sequence\":1,\"op\":\"forget\"}", "id", "missing"),
                Arguments.of("{\"session\":\"s\",\"sequence\":1,\"op\":\"configure\"}", "settings", "missing"),
                Arguments.of(
                        "{\"session\":\"s\",\"sequence\":1,\"op\":\"configure\",\"settings\":{\"dimension\":4097}}",
                        "settings.dimension",
                        "4097"));
    }

    @ParameterizedTest
    @MethodSource("malformedValues")
    void shouldNameFieldAndProblem(String json, String field, String problem) {
        Decoded.Malformed malformed = malformed(decode(json));

        assertThat(malformed.field()).isEqualTo(field);
        assertThat(malformed.detail())
                .startsWith(field.equals("value") ? "value" : field)
                .contains(problem);
        assertThat(malformed.detail().length()).isLessThan(250);
    }

    @ParameterizedTest
    @MethodSource("malformedValues")
    void shouldRefuseWithTheSameWordsWithoutSession(String json, String field, String problem) {
        String bare = json.replace("\"session\":\"s\",", "").replace("\"sequence\":1,", "");
        boolean ofSession = field.equals("session") || field.equals("sequence");
        if (ofSession || bare.contains("\"session\"") || bare.contains("\"sequence\"") || bare.equals(json)) {
            return;
        }
        for (Decoded decoded :
                List.of(decode(bare), ObservationCodec.decodeUnsequenced(bare.getBytes(StandardCharsets.UTF_8)))) {
            assertThat(malformed(decoded))
                    .satisfies(malformed -> assertThat(malformed.field()).isEqualTo(field))
                    .satisfies(malformed -> assertThat(malformed.detail()).contains(problem))
                    .satisfies(malformed -> assertThat(malformed.position()).isEmpty());
        }
    }

    @Test
    void shouldReadWithoutSessionAndSequence() {
        for (String absent : List.of("", ",\"session\":null", ",\"session\":null,\"sequence\":null")) {
            Observation observation = valid("{\"content\":\"c\"," + VECTOR + absent + "}");

            assertThat(observation).usingRecursiveComparison().isEqualTo(Observation.observe("c", new float[] {1, 0.5f
            }));
        }
    }

    @Test
    void shouldRefuseSessionsWhereThereAreNone() {
        for (String given : List.of("\"session\":\"s\"", "\"sequence\":1")) {
            byte[] json = ("{\"content\":\"c\"," + VECTOR + "," + given + "}").getBytes(StandardCharsets.UTF_8);
            assertThat(malformed(ObservationCodec.decodeUnsequenced(json)).detail())
                    .contains("writes without session and sequence");
        }
        assertThat(malformed(ObservationCodec.decodeUnsequenced("{\"op\":\"close\"}".getBytes(StandardCharsets.UTF_8)))
                        .detail())
                .startsWith("op close ends a session, and this interface has none");
        byte[] json = ("{\"content\":\"c\"," + VECTOR + ",\"metadata\":{\"n\":18446744073709551615}}")
                .getBytes(StandardCharsets.UTF_8);
        Observation observation = ((Decoded.Valid) ObservationCodec.decodeUnsequenced(json)).observation();

        assertThat(observation.position()).isEmpty();
        assertThat(ObservationCodec.encode(observation))
                .asString(StandardCharsets.UTF_8)
                .contains("{\"n\":18446744073709551615}")
                .doesNotContain("session", "sequence");
    }

    @Test
    void shouldTakeNullAsAbsent() {
        Observation observation =
                valid("{" + HEAD + "," + VECTOR + ",\"id\":null,\"metadata\":null,\"confidence\":null,"
                        + "\"observed_at\":null,\"op\":null,\"settings\":null}");

        assertThat(observation)
                .usingRecursiveComparison()
                .isEqualTo(Observation.observe("s", 1, "c", new float[] {1, 0.5f}));
    }

    @Test
    void shouldTakeRetentionBackByNullAndLeaveADimensionAlone() {
        String configure = "{\"session\":\"s\",\"sequence\":1,\"op\":\"configure\",\"settings\":{%s}}";
        assertThat(valid(configure.formatted("\"dimension\":null,\"ttl_ms\":null,\"max_memories\":null"))
                        .settings())
                .isEqualTo(SpaceSettings.ofRetention(
                        OptionalLong.of(SpaceSettings.DEFAULT), OptionalLong.of(SpaceSettings.DEFAULT)));
        assertThat(valid(configure.formatted("\"ttl_ms\":5")).settings())
                .isEqualTo(SpaceSettings.ofRetention(OptionalLong.of(5), OptionalLong.empty()));
    }

    @Test
    void shouldKeepPositionOfMalformedRecordWhereverTheErrorIs() {
        for (String json : List.of(
                "{" + HEAD + ",\"embedding\":[0,0]}",
                "{\"embedding\":[[1],{\"x\":[2]}],\"metadata\":{\"a\":{\"b\":[1,2]}}," + HEAD + "}",
                "{\"content\":{\"deep\":[[[1]]]},\"session\":\"s\",\"sequence\":1}")) {
            assertThat(malformed(decode(json)).position()).contains(new SessionPosition("s", 1));
        }
        assertThat(malformed(decode("{" + HEAD + ",\"embedding\":[1")).position())
                .contains(new SessionPosition("s", 1));
        assertThat(malformed(decode("{\"content\":\"c\",")).position()).isEmpty();
    }

    @Test
    void shouldRefuseEmptyAndMissingValues() {
        assertThat(malformed(ObservationCodec.decode(Optional.empty())).detail())
                .contains("empty");
        assertThat(malformed(ObservationCodec.decode(Optional.of(new byte[0]))).detail())
                .contains("empty");
    }

    @Test
    void shouldRefuseWhatIsNotUtf8() {
        byte[] latin1 = ("{" + HEAD + "," + VECTOR + ",\"id\":\"é\"}").getBytes(StandardCharsets.ISO_8859_1);
        assertThat(malformed(ObservationCodec.decode(Optional.of(latin1))).detail())
                .contains("not UTF-8", "0xe9");
        byte[] utf16 = ("{" + HEAD + "," + VECTOR + "}").getBytes(StandardCharsets.UTF_16BE);
        assertThat(malformed(ObservationCodec.decode(Optional.of(utf16))).detail())
                .contains("not UTF-8");
    }

    @Test
    void shouldRefuseMoreThanOneMebibyteButKeepItsPosition() {
        String padding = "x".repeat(5 << 20);
        Decoded.Malformed malformed =
                malformed(decode("{" + HEAD + "," + VECTOR + ",\"unknown\":\"" + padding + "\"}"));

        assertThat(malformed.detail()).contains("the limit is 1048576");
        assertThat(malformed.position()).contains(new SessionPosition("s", 1));
    }

    @Test
    void shouldNeverThrowOnDamagedBytes() {
        byte[] good = ("{\"id\":\"a\",\"metadata\":{\"k\":[\"x\"]},\"observed_at\":\"2026-01-01T00:00:00Z\"," + HEAD
                        + "," + VECTOR + "}")
                .getBytes(StandardCharsets.UTF_8);
        Random random = new Random(42);
        int valid = 0;
        for (int i = 0; i < 200_000; i++) {
            byte[] damaged = good.clone();
            for (int j = random.nextInt(4); j >= 0; j--) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
            }
            Decoded decoded = ObservationCodec.decode(Optional.of(damaged));
            valid += decoded instanceof Decoded.Valid ? 1 : 0;
        }
        assertThat(valid).isBetween(1, 150_000);
    }

    private static String base64(float... values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return Base64.getEncoder().encodeToString(bytes.array());
    }
}
