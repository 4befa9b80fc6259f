package io.engram.topology.recall;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Metadata;
import io.engram.topology.recall.MetadataFilter.Bound;
import io.engram.topology.recall.MetadataFilter.Condition;
import io.engram.topology.recall.MetadataFilter.Side;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class MetadataFilterTest {
    private static final List<BigDecimal> NUMBERS = List.of(
            new BigDecimal("0"),
            new BigDecimal("9007199254740992"),
            new BigDecimal("9007199254740993"),
            new BigDecimal("9007199254740992.5"),
            new BigDecimal("9223372036854775807"),
            new BigDecimal("9223372036854775808"),
            new BigDecimal("18446744073709551615"),
            new BigDecimal("18446744073709551616"),
            new BigDecimal("0.1"),
            new BigDecimal("0.1000000000000000055511151231257827"),
            new BigDecimal("1e400"),
            new BigDecimal("1e-400"));

    private static boolean holds(Condition condition, Object value) {
        // As it is stored: written and read again.
        Metadata stored =
                Metadata.fromJson(Metadata.of(Map.of(condition.key(), value)).toJson());
        return new MetadataFilter(List.of(condition)).admits(stored);
    }

    @Test
    void shouldCompareAsDecimalsDo() {
        Random random = new Random(3);
        for (int i = 0; i < 20_000; i++) {
            BigDecimal stored = random(random);
            BigDecimal limit = random(random);
            int order = stored.compareTo(limit);
            Object value = form(stored, random);
            Number wanted = form(limit, random);

            assertThat(holds(new MetadataFilter.AnyOf("n", Set.of(wanted)), value))
                    .as(stored + " equals " + limit)
                    .isEqualTo(order == 0);
            for (Side side : Side.values()) {
                boolean expected = side == Side.GT && order > 0
                        || side == Side.GTE && order >= 0
                        || side == Side.LT && order < 0
                        || side == Side.LTE && order <= 0;
                assertThat(holds(new MetadataFilter.Range("n", List.of(new Bound(side, wanted))), value))
                        .as(stored + " " + side + " " + limit)
                        .isEqualTo(expected);
            }
        }
    }

    private static BigDecimal random(Random random) {
        BigDecimal number = NUMBERS.get(random.nextInt(NUMBERS.size()));
        return random.nextBoolean() ? number : number.negate();
    }

    /** The same number, as one of the types that it fits. */
    private static Number form(BigDecimal number, Random random) {
        boolean whole = number.scale() == 0;
        if (whole && number.toBigInteger().bitLength() < 64 && random.nextBoolean()) {
            return number.longValueExact();
        }
        if (whole && random.nextBoolean()) {
            return number.toBigIntegerExact();
        }
        if (number.signum() == 0 && random.nextBoolean()) {
            return random.nextBoolean() ? -0.0 : 0.0;
        }
        return random.nextBoolean() ? number.setScale(number.scale() + 2) : number;
    }

    @Test
    void shouldKeepAllBoundsOfARange() {
        Condition twice = new MetadataFilter.Range(
                "n",
                List.of(new Bound(Side.GTE, 5L), new Bound(Side.GT, 1L), new Bound(Side.LT, new BigDecimal("7.5"))));

        assertThat(holds(twice, 2)).isFalse();
        assertThat(holds(twice, 5)).isTrue();
        assertThat(holds(twice, 7.4)).isTrue();
        assertThat(holds(twice, 7.5)).isFalse();
        assertThat(holds(twice, "6")).isFalse();
    }

    @Test
    void shouldLookAtEachItemOfAList() {
        Condition range = new MetadataFilter.Range("n", List.of(new Bound(Side.GT, 1L), new Bound(Side.LT, 3L)));
        Condition any = new MetadataFilter.AnyOf("n", Set.of("x", BigInteger.TWO, true));

        assertThat(holds(range, List.of(0, 2, "x"))).isTrue();
        assertThat(holds(range, List.of(0, 4))).isFalse(); // each keeps one bound, none keeps both
        assertThat(holds(range, List.of())).isFalse();
        assertThat(holds(any, List.of(1, 2.0))).isTrue();
        assertThat(holds(any, List.of(true))).isTrue();
        assertThat(holds(any, List.of("2", false))).isFalse();
        assertThat(holds(new MetadataFilter.AnyOf("n", Set.of()), List.of())).isFalse();
        assertThat(holds(new MetadataFilter.Exists("n", true), List.of())).isTrue();
    }
}
