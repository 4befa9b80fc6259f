package io.engram.app.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class SpacesPageTest {
    private static SpacesPage<String> page(String next, String... spaces) {
        SortedMap<String, String> named = new TreeMap<>();
        for (String space : spaces) {
            named.put(space, "of " + space);
        }
        return new SpacesPage<>(named, Optional.ofNullable(next));
    }

    private static SpacesPage<String> merge(int limit, List<SpacesPage<String>> parts) {
        return SpacesPage.merge(parts, limit, (a, b) -> a);
    }

    @Test
    void shouldMergeByName() {
        SpacesPage<String> merged = merge(10, List.of(page(null, "a", "d"), page(null, "b", "c"), page(null)));

        assertThat(merged.spaces().keySet()).containsExactly("a", "b", "c", "d");
        assertThat(merged.next()).isEmpty();
    }

    @Test
    void shouldEndAtTheLimit() {
        SpacesPage<String> merged = merge(3, List.of(page("e", "a", "c", "e"), page(null, "b", "d")));

        assertThat(merged.spaces().keySet()).containsExactly("a", "b", "c");
        assertThat(merged.next()).contains("c");
    }

    @Test
    void shouldEndWhereTheFirstPartEnds() {
        SpacesPage<String> merged = merge(10, List.of(page("b", "a"), page(null, "b", "c", "d")));

        assertThat(merged.spaces().keySet()).as("the first part may know of bb").containsExactly("a", "b");
        assertThat(merged.next()).contains("b");
    }

    @Test
    void shouldGoOnBehindAPageWithoutSpaces() {
        SpacesPage<String> merged = merge(10, List.of(page("m"), page(null, "x")));

        assertThat(merged.spaces()).isEmpty();
        assertThat(merged.next()).contains("m");
    }

    @Test
    void shouldPreferTheBetterOfTwoCopies() {
        SpacesPage<String> standby =
                new SpacesPage<>(new TreeMap<>(java.util.Map.of("a", "standby")), Optional.empty());
        SpacesPage<String> active = new SpacesPage<>(new TreeMap<>(java.util.Map.of("a", "active")), Optional.empty());

        assertThat(SpacesPage.merge(List.of(standby, active), 5, (a, b) -> a.equals("active") ? a : b)
                        .spaces())
                .containsEntry("a", "active");
    }

    /** From page to page, over parts that stop early, every space is seen once and in order. */
    @Test
    void shouldPageOverEverythingOnce() {
        Random random = new Random(11);
        for (int round = 0; round < 200; round++) {
            List<TreeSet<String>> parts = new ArrayList<>();
            TreeSet<String> all = new TreeSet<>();
            for (int part = 0; part < 1 + random.nextInt(5); part++) {
                TreeSet<String> names = new TreeSet<>();
                for (int i = random.nextInt(40); i > 0; i--) {
                    names.add("s" + random.nextInt(200));
                }
                names.removeAll(all);
                all.addAll(names);
                parts.add(names);
            }
            int limit = 1 + random.nextInt(10);
            List<String> seen = new ArrayList<>();
            Optional<String> after = Optional.empty();
            do {
                List<SpacesPage<String>> pages = new ArrayList<>();
                for (TreeSet<String> names : parts) {
                    pages.add(part(names, after, limit, random));
                }
                SpacesPage<String> page = merge(limit, pages);
                assertThat(page.spaces().size()).isLessThanOrEqualTo(limit);
                seen.addAll(page.spaces().keySet());
                after = page.next();
            } while (after.isPresent());
            assertThat(seen).containsExactlyElementsOf(all);
        }
    }

    /** A part's page, which may end early behind a name that is not in use any more. */
    private static SpacesPage<String> part(TreeSet<String> names, Optional<String> after, int limit, Random random) {
        List<String> rest =
                new ArrayList<>(after.map(name -> names.tailSet(name, false)).orElse(names));
        int size = Math.min(rest.size(), random.nextInt(3) == 0 ? 1 : limit);
        String[] page = rest.subList(0, size).toArray(String[]::new);
        return page(size < rest.size() ? page[size - 1] : null, page);
    }
}
