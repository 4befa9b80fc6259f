package io.engram.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The published schemas and the codecs must agree. */
class JsonSchemaTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private static boolean schemaAccepts(String schema, byte[] json) throws IOException {
        try (InputStream in = JsonSchemaTest.class.getResourceAsStream(schema + ".schema.json")) {
            Schema compiled = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                    .getSchema(MAPPER.readTree(in));
            JsonNode node = MAPPER.readTree(json);
            return compiled.validate(
                            node, context -> context.executionConfig(config -> config.formatAssertionsEnabled(true)))
                    .isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'session':'s','sequence':1,'content':'c','embedding':[1,2]}",
                "{'op':'observe','session':'s','sequence':1,'content':'','embedding':[1,2]}",
                "{'session':'s','sequence':1,'content':'c','embedding':'AACAPwAAgD8='}",
                "{'session':'s','sequence':1,'content':'c','embedding':[1,2],'metadata':{'a':['x'],'b':1,'c':true}}",
                "{'session':'s','sequence':1,'content':'c','embedding':[1,2],'observed_at':'2026-11-23T10:00:00Z'}",
                "{'session':'s','sequence':1,'op':'forget','id':'x'}",
                "{'session':'s','sequence':1,'op':'close'}",
                "{'session':'s','sequence':1,'op':'drop'}",
                "{'session':'s','sequence':1,'op':'configure','settings':{'dimension':2}}",
                "{'session':'s','sequence':1}",
                "{'content':'c','embedding':[1,2]}",
                "{'id':'x','content':'c','embedding':[1,2]}",
                "{'session':null,'sequence':null,'content':'c','embedding':[1,2]}",
                "{'op':'forget','id':'x'}",
                "{'op':'drop'}",
                "{'op':'configure','settings':{'dimension':2}}",
                "{'op':'close'}",
                "{'op':'close','session':null,'sequence':null}",
                "{'op':'close','session':'s'}",
                "{'op':'drop','sequence':1}",
                "{'session':'s','sequence':0,'content':'c','embedding':[1,2]}",
                "{'session':'s','sequence':1.5,'content':'c','embedding':[1,2]}",
                "{'session':'','sequence':1,'content':'c','embedding':[1,2]}",
                "{'sequence':1,'content':'c','embedding':[1,2]}",
                "{'session':'s','content':'c','embedding':[1,2]}",
                "{'session':'s','sequence':1,'content':1,'embedding':[1,2]}",
                "{'session':'s','sequence':1,'content':'c','embedding':[1]}",
                "{'session':'s','sequence':1,'content':'c','embedding':['1','2']}",
                "{'session':'s','sequence':1,'content':'c','embedding':'not base64'}",
                "{'session':'s','sequence':1,'content':'c','embedding':[1,2],'metadata':{'a':{'b':1}}}",
                "{'session':'s','sequence':1,'content':'c','embedding':[1,2],'metadata':{'a':[1,'x',true,null]}}",
                "{'session':'s','sequence':1,'content':'c','embedding':[1,2],'metadata':{'a':[],'b':null,'c':{'d':{}}}}",
                "{'session':'s','sequence':1,'content':'c','embedding':[1,2],'metadata':{'a':[[1]]}}",
                "{'session':'s','sequence':1,'content':'c','embedding':[1,2],'metadata':{'a':[{'b':1}]}}",
                "{'session':'s','sequence':1,'content':'c','embedding':[1,2],'metadata':null,'id':null,'op':null}",
                "{'session':'s','sequence':1,'content':'c','embedding':[1,2],'confidence':null,'observed_at':null,'settings':null}",
                "{'session':'s','sequence':1,'content':null,'embedding':[1,2]}",
                "{'session':'s','sequence':1,'content':'c','embedding':null}",
                "{'session':null,'sequence':1,'content':'c','embedding':[1,2]}",
                "{'session':'s','sequence':null,'content':'c','embedding':[1,2]}",
                "{'session':'..','sequence':1,'content':'c','embedding':[1,2]}",
                "{'session':'s','sequence':1,'content':'c','embedding':[1,2],'id':'.'}",
                "{'session':'s','sequence':1,'content':'c','embedding':[1,2],'id':'..a'}",
                "{'session':'s','sequence':1,'content':'c','embedding':'AACAPwAAgD8'}",
                "{'session':'s','sequence':1,'op':'forget','id':null}",
                "{'session':'s','sequence':1,'op':'close','content':null,'embedding':null}",
                "{'session':'s','sequence':1,'op':'configure','settings':null}",
                "{'session':'s','sequence':1,'content':'c','embedding':[1,2],'confidence':2}",
                "{'session':'s','sequence':1,'content':'c','embedding':[1,2],'observed_at':'now'}",
                "{'session':'s','sequence':1,'op':'forget'}",
                "{'session':'s','sequence':1,'op':'configure'}",
                "{'session':'s','sequence':1,'op':'configure','settings':{'dimension':1}}",
                "{'session':'s','sequence':1,'op':'configure','settings':{'dimension':null,'ttl_ms':null,'max_memories':null}}",
                "{'session':'s','sequence':1,'op':'unknown'}"
            })
    void shouldAgreeWithCodecOnObservations(String quoted) throws IOException {
        byte[] json = quoted.replace('\'', '"').getBytes(StandardCharsets.UTF_8);

        boolean codecAccepts = ObservationCodec.decode(Optional.of(json)) instanceof Decoded.Valid;

        assertThat(schemaAccepts("observation", json)).as(quoted).isEqualTo(codecAccepts);
    }

    @Test
    void shouldDescribeWhatTheCodecWrites() throws IOException {
        Stream<Observation> observations = Stream.of(
                Observation.observe("c", new float[] {1, 2, 3}),
                Observation.forget("x"),
                Observation.configure(SpaceSettings.ofDimension(3)),
                Observation.of(Operation.DROP),
                Observation.observe("s", 1, "c", new float[] {1, 2, 3}).withMetadata(Metadata.of(Map.of("k", 1.5))),
                Observation.forget("s", 2, "x"),
                Observation.configure("s", 3, SpaceSettings.ofDimension(3)),
                Observation.configure(
                        "s",
                        3,
                        SpaceSettings.ofRetention(OptionalLong.of(1_000), OptionalLong.of(SpaceSettings.DEFAULT))),
                Observation.of(Operation.DROP, "s", 4),
                Observation.of(Operation.CLOSE, "s", 5));
        for (Observation observation : observations.toList()) {
            assertThat(schemaAccepts("observation", ObservationCodec.encode(observation)))
                    .isTrue();
        }
        SessionProgress progress = new SessionProgress(
                3, 6, List.of(List.of(2L, 2L), List.of(4L, 5L)), "open", Map.of("normal-3", 17L), 1);
        assertThat(schemaAccepts("session-progress", JsonCodec.encode(progress)))
                .isTrue();
        assertThat(JsonCodec.decodeProgress(JsonCodec.encode(progress))).isEqualTo(progress);
        BackpressureStatus status = new BackpressureStatus("overloaded", 10, 10, 1.25, BackpressureStatus.LANE, 1_000);
        assertThat(schemaAccepts("backpressure", JsonCodec.encode(status))).isTrue();
        assertThat(JsonCodec.decodeBackpressure(JsonCodec.encode(status))).isEqualTo(status);
    }
}
