package io.engram.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class NumbersTest {
    private static final List<String> EDGES = List.of(
            "0",
            "-0",
            "0.0",
            "-0.0",
            "1",
            "1.0",
            "10e-1",
            "0.1",
            "0.1000000000000000055511151231257827",
            "0.10000000000000000555111512312578270211815834045410156250",
            "9007199254740992",
            "9007199254740993",
            "9007199254740993.0",
            "9007199254740992.5",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "-9223372036854775809",
            "9223372036854775807.0",
            "18446744073709551615",
            "18446744073709551616",
            "1.8446744073709552e19",
            "1e23",
            "1e22",
            "1e400",
            "1e-400",
            "1e9999",
            "-1e9999",
            "4.9e-324",
            "1.7976931348623157e308",
            "2e-3",
            "8.41e21",
            "2.2250738585072014e-308");

    private static Number read(String text) {
        byte[] json = ("{\"session\":\"s\",\"sequence\":1,\"content\":\"\",\"embedding\":[1,2],\"metadata\":{\"n\":"
                        + text + "}}")
                .getBytes(StandardCharsets.UTF_8);
        Decoded decoded = ObservationCodec.decode(Optional.of(json));
        assertThat(decoded).as(text).isInstanceOf(Decoded.Valid.class);
        return (Number)
                ((Decoded.Valid) decoded).observation().metadata().values().get("n");
    }

    private static String random(Random random) {
        if (random.nextInt(4) == 0) {
            return EDGES.get(random.nextInt(EDGES.size()));
        }
        StringBuilder text = new StringBuilder(random.nextBoolean() ? "-" : "");
        text.append(new BigInteger(random.nextInt(80), random));
        if (random.nextInt(2) == 0) {
            text.append('.').append(random.nextInt(100_000)).append("0".repeat(random.nextInt(3)));
        }
        if (random.nextInt(4) == 0) {
            text.append('e').append(random.nextInt(60) - 30);
        }
        return text.toString();
    }

    @Test
    void shouldCompareAsDecimalsDo() {
        Random random = new Random(7);
        for (int i = 0; i < 50_000; i++) {
            String a = random(random);
            String b = random.nextInt(3) > 0 ? random(random) : neighbour(a, random);
            int expected = new BigDecimal(a).compareTo(new BigDecimal(b));
            Number left = read(a);
            Number right = read(b);

            assertThat(Integer.signum(Numbers.compare(left, right)))
                    .as(a + " and " + b)
                    .isEqualTo(expected);
            assertThat(Numbers.canonical(left).equals(Numbers.canonical(right)))
                    .as(a + " and " + b)
                    .isEqualTo(expected == 0);
        }
    }

    /** The same number or one very near to it, in another form. */
    private static String neighbour(String text, Random random) {
        BigDecimal number = new BigDecimal(text);
        if (Math.abs(number.scale()) > 100) {
            return text;
        }
        BigDecimal step = BigDecimal.ONE.movePointLeft(random.nextInt(20));
        BigDecimal near = number.add(step.multiply(BigDecimal.valueOf(random.nextInt(3) - 1)));
        return near.scale() >= 0 ? near.setScale(near.scale() + 1).toString() : near.toString();
    }

    @Test
    void shouldGiveBackWhatWasSent() {
        Random random = new Random(8);
        for (int i = 0; i < 20_000; i++) {
            String text = random(random);
            Metadata stored = Metadata.of(Map.of("n", read(text), "l", List.of(read(text))));
            Metadata back = Metadata.fromJson(stored.toJson());

            assertThat(back.toJson()).isEqualTo(stored.toJson());
            assertThat(Numbers.compare((Number) back.values().get("n"), read(text)))
                    .isZero();
            assertThat(new BigDecimal(back.values().get("n").toString())).isEqualByComparingTo(new BigDecimal(text));
        }
        assertThat(Metadata.of(Map.of("n", read("18446744073709551615"))).toJson())
                .asString()
                .isEqualTo("{\"n\":18446744073709551615}");
        assertThat(read("-0.0")).isEqualTo(-0.0);
        assertThat(read("0.1000000000000000055511151231257827")).hasToString("0.1000000000000000055511151231257827");
    }

    @Test
    void shouldBoundWhatComparisonCosts() {
        assertThat(Numbers.isInRange(new BigDecimal("1e9999"))).isTrue();
        assertThat(Numbers.isInRange(new BigDecimal("1e10000"))).isFalse();
        assertThat(Numbers.isInRange(new BigDecimal("1e-10000"))).isFalse();
        assertThat(Numbers.isInRange(new BigDecimal("1e2147483647"))).isFalse();
        assertThat(Numbers.isInRange(new BigDecimal("0." + "7".repeat(900)))).isTrue();
        assertThat(Numbers.isInRange(new BigDecimal("0." + "7".repeat(901)))).isFalse();
        assertThat(Numbers.isInRange(new BigInteger("7".repeat(900)))).isTrue();
        assertThat(Numbers.isInRange(new BigInteger("7".repeat(901)))).isFalse();
        assertThat(Numbers.isInRange(new BigInteger("-" + "7".repeat(901)))).isFalse();
        assertThat(Numbers.isInRange(Double.NaN)).isFalse();
        assertThat(Numbers.isInRange(Double.NEGATIVE_INFINITY)).isFalse();
        assertThat(Numbers.isInRange(Long.MIN_VALUE)).isTrue();
    }
}
