package io.engram.topology.recall;

import io.engram.schemas.Metadata;
import io.engram.schemas.Numbers;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

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

    /**
     * The value, or an item of a list, equals one of these.
     *
     * @param allowed strings, booleans or numbers, which are compared exactly; none holds for nothing
     */
    public record AnyOf(String key, Set<Object> allowed) implements Condition {
        public AnyOf {
            allowed = allowed.stream().map(AnyOf::comparable).collect(Collectors.toUnmodifiableSet());
        }

        @Override
        public boolean holds(Object value) {
            if (value instanceof List<?> items) {
                for (Object item : items) {
                    if (allowed.contains(comparable(item))) {
                        return true;
                    }
                }
                return false;
            }
            return allowed.contains(comparable(value));
        }

        private static Object comparable(Object value) {
            return value instanceof Number number ? Numbers.canonical(number) : value;
        }
    }

    /**
     * The number, or a number of a list, keeps all bounds; they are compared exactly.
     *
     * @param bounds one or more
     */
    public record Range(String key, List<Bound> bounds) implements Condition {
        public Range {
            bounds = List.copyOf(bounds);
        }

        @Override
        public boolean holds(Object value) {
            if (value instanceof List<?> items) {
                for (Object item : items) {
                    if (holdsFor(item)) {
                        return true;
                    }
                }
                return false;
            }
            return holdsFor(value);
        }

        private boolean holdsFor(Object value) {
            if (!(value instanceof Number number)) {
                return false;
            }
            for (Bound bound : bounds) {
                if (!bound.holds(number)) {
                    return false;
                }
            }
            return true;
        }
    }

    /** One end of a range. */
    public record Bound(Side side, Number limit) {
        boolean holds(Number number) {
            int order = Numbers.compare(number, limit);
            return switch (side) {
                case GT -> order > 0;
                case GTE -> order >= 0;
                case LT -> order < 0;
                case LTE -> order <= 0;
            };
        }
    }

    /** On which side of a bound a number must be. */
    public enum Side {
        GT,
        GTE,
        LT,
        LTE
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
