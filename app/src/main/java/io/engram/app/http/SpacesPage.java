package io.engram.app.http;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BinaryOperator;

/**
 * A page of spaces in order of their names, of a partition, an instance or the cluster.
 *
 * @param spaces by name
 * @param next where the next page starts behind: nothing up to that name is left out; empty when nothing is left out at all
 */
record SpacesPage<T>(SortedMap<String, T> spaces, Optional<String> next) {
    /**
     * One page of several parts. It ends where the first part ends, for that one may know of names that lie before the others'.
     *
     * @param limit at most so many spaces, 1 or more
     * @param better of two that say something of the same space
     */
    static <T> SpacesPage<T> merge(List<SpacesPage<T>> parts, int limit, BinaryOperator<T> better) {
        Optional<String> end =
                parts.stream().flatMap(part -> part.next().stream()).min(String::compareTo);
        SortedMap<String, T> merged = new TreeMap<>();
        for (SpacesPage<T> part : parts) {
            part.spaces().forEach((space, found) -> {
                if (end.isEmpty() || space.compareTo(end.get()) <= 0) {
                    merged.merge(space, found, better);
                }
            });
        }
        if (merged.size() <= limit) {
            return new SpacesPage<>(merged, end);
        }
        List<Map.Entry<String, T>> first = new ArrayList<>(merged.entrySet()).subList(0, limit);
        SortedMap<String, T> page = new TreeMap<>();
        first.forEach(entry -> page.put(entry.getKey(), entry.getValue()));
        return new SpacesPage<>(page, Optional.of(page.lastKey()));
    }
}
