package io.engram.topology.intake;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Metadata;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import io.engram.schemas.SpaceSettings;
import java.lang.reflect.Constructor;
import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ObservationDigestTest {
    /** Where a record is, not what it says. */
    private static final Set<String> PLACE = Set.of("position");

    /** Different values of each field; the first is that of the others' variants. */
    private static final Map<String, List<?>> FIELDS = Map.of(
            "operation", List.of(Operation.values()),
            "id", List.of(Optional.empty(), Optional.of("a"), Optional.of("b")),
            "content", List.of("", "a", "b"),
            "embedding", List.of(new float[] {}, new float[] {1, 2}, new float[] {1, 2, 0}, new float[] {2, 1}),
            "metadata",
                    List.of(
                            Metadata.EMPTY,
                            Metadata.of(Map.of("a", 1)),
                            Metadata.of(Map.of("a", "1")),
                            Metadata.of(Map.of("a", List.of()))),
            "confidence",
                    List.of(OptionalDouble.empty(), OptionalDouble.of(0), OptionalDouble.of(1), OptionalDouble.of(-1)),
            "observedAt",
                    List.of(
                            Optional.empty(),
                            Optional.of(Instant.EPOCH),
                            Optional.of(Instant.MIN),
                            Optional.of(Instant.EPOCH.plusNanos(1))));

    private static final Map<String, List<?>> SETTINGS = Map.of(
            "dimension", List.of(OptionalInt.empty(), OptionalInt.of(0), OptionalInt.of(2), OptionalInt.of(3)),
            "ttlMs", List.of(OptionalLong.empty(), OptionalLong.of(0), OptionalLong.of(-1), OptionalLong.of(1_000)),
            "maxMemories",
                    List.of(OptionalLong.empty(), OptionalLong.of(0), OptionalLong.of(-1), OptionalLong.of(1_000)));

    private final ObservationDigest digest = new ObservationDigest();

    @Test
    void shouldCoverEveryField() throws ReflectiveOperationException {
        Map<String, Object> first = new HashMap<>();
        FIELDS.forEach((name, values) -> first.put(name, values.get(0)));
        first.put("position", Optional.empty());
        first.put("settings", SpaceSettings.NONE);
        Set<Long> digests = new HashSet<>();
        int different = 1;
        digests.add(digest.of(make(Observation.class, first)));
        for (String field : names(Observation.class)) {
            if (PLACE.contains(field)) {
                continue;
            }
            List<?> values = field.equals("settings") ? settings() : FIELDS.get(field);
            assertThat(values).as("add values of the new field " + field).isNotNull();
            for (Object value : values.subList(1, values.size())) {
                Map<String, Object> changed = new HashMap<>(first);
                changed.put(field, value);
                digests.add(digest.of(make(Observation.class, changed)));
                different++;
                assertThat(digests).as(field + " = " + value).hasSize(different);
            }
        }
    }

    private static List<SpaceSettings> settings() throws ReflectiveOperationException {
        ArrayList<SpaceSettings> all = new ArrayList<>();
        all.add(SpaceSettings.NONE);
        Map<String, Object> first = new HashMap<>();
        SETTINGS.forEach((name, values) -> first.put(name, values.get(0)));
        for (String field : names(SpaceSettings.class)) {
            assertThat(SETTINGS).as("add values of the new setting").containsKey(field);
            List<?> values = SETTINGS.get(field);
            for (Object value : values.subList(1, values.size())) {
                Map<String, Object> changed = new HashMap<>(first);
                changed.put(field, value);
                all.add(make(SpaceSettings.class, changed));
            }
        }
        return all;
    }

    @Test
    void shouldLeaveOutPlaceAndForm() {
        Observation observation = Observation.observe("s", 1, "c", new float[] {1, 2});

        assertThat(digest.of(observation.at("other", 9))).isEqualTo(digest.of(observation));
        assertThat(digest.of(Observation.observe("c", new float[] {1, 2}))).isEqualTo(digest.of(observation));
        assertThat(digest.of(observation.withMetadata(Metadata.of(Map.of("n", new BigDecimal("1.50"))))))
                .isEqualTo(digest.of(observation.withMetadata(Metadata.of(Map.of("n", 1.5)))));
    }

    private static List<String> names(Class<?> type) {
        return Arrays.stream(type.getRecordComponents())
                .map(RecordComponent::getName)
                .toList();
    }

    private static <T> T make(Class<T> type, Map<String, Object> values) throws ReflectiveOperationException {
        RecordComponent[] components = type.getRecordComponents();
        Class<?>[] types =
                Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
        Constructor<T> constructor = type.getDeclaredConstructor(types);
        return constructor.newInstance(Arrays.stream(components)
                .map(component -> values.get(component.getName()))
                .toArray());
    }
}
