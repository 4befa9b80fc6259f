package io.engram.topology.recall;

import io.engram.schemas.Metadata;
import java.util.List;

/**
 * What a memory's metadata must say: all conditions must hold.
 *
 * @param conditions none admits everything
 */
public record MetadataFilter(List<Condition> conditions) {
    /** Admits everything. */
    public static final MetadataFilter ALL = new MetadataFilter(List.of());

    public MetadataFilter {
        conditions = List.copyOf(conditions);
    }

    public boolean admitsAll() {
        return conditions.isEmpty();
    }

    public boolean admits(Metadata metadata) {
        for (Condition condition : conditions) {
            Object value = metadata.values().get(condition.key());
            if (value == null ? !condition.holdsWhenAbsent() : !condition.holds(value)) {
                return false;
            }
        }
        return true;
    }

    /** A condition on one key. */
    public sealed interface Condition {
        String key();

        /** Whether a value, as {@link Metadata} holds it, is right. */
        boolean holds(Object value);

        /** Whether it is right to have no such key. */
        default boolean holdsWhenAbsent() {
            return false;
        }
    }

    /** The value, or an item of a list, equals one of these: strings, booleans or numbers (as {@link Double}). */
    public record AnyOf(String key, List<Object> allowed) implements Condition {
        @Override
        public boolean holds(Object value) {
            if (value instanceof List<?> items) {
                return items.stream().anyMatch(allowed::contains);
            }
            return allowed.contains(value instanceof Number number ? (Object) number.doubleValue() : value);
        }
    }

    /**
     * A number between the bounds.
     *
     * @param min least, {@link Double#NEGATIVE_INFINITY} for none
     * @param minInclusive whether {@code min} itself is right
     * @param max greatest, {@link Double#POSITIVE_INFINITY} for none
     * @param maxInclusive whether {@code max} itself is right
     */
    public record Range(String key, double min, boolean minInclusive, double max, boolean maxInclusive)
            implements Condition {
        @Override
        public boolean holds(Object value) {
            if (!(value instanceof Number number)) {
                return false;
            }
            double at = number.doubleValue();
            return (minInclusive ? at >= min : at > min) && (maxInclusive ? at <= max : at < max);
        }
    }

    /** The key is there, or is not. */
    public record Exists(String key, boolean wanted) implements Condition {
        @Override
        public boolean holds(Object value) {
            return wanted;
        }

        @Override
        public boolean holdsWhenAbsent() {
            return !wanted;
        }
    }
}
