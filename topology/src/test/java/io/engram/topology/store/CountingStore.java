package io.engram.topology.store;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/** Counts what is read of a store: keys that are looked up, ranges that are opened, and entries of ranges. */
public final class CountingStore {
    private static final Set<String> RANGES = Set.of("range", "reverseRange", "prefixScan", "all", "reverseAll");
    private static final Set<String> LOOKUPS = Set.of("get", "delete", "putIfAbsent");

    private final AtomicLong lookups = new AtomicLong();
    private final AtomicLong ranges = new AtomicLong();
    private final AtomicLong entries = new AtomicLong();

    public CountingStore() {}

    /** Puts the counter between the store and its changelog. */
    public static CountingStore in(MemoryStore store) {
        CountingStore counter = new CountingStore();
        store.interpose(counter::wrap);
        return counter;
    }

    /** A store whose reads are counted. */
    @SuppressWarnings("unchecked") // proxies have no type parameters
    public KeyValueStore<Bytes, byte[]> wrap(KeyValueStore<Bytes, byte[]> store) {
        return (KeyValueStore<Bytes, byte[]>) proxy(KeyValueStore.class, store, (name, result) -> {
            if (LOOKUPS.contains(name)) {
                lookups.incrementAndGet();
            }
            if (RANGES.contains(name)) {
                ranges.incrementAndGet();
                return proxy(KeyValueIterator.class, result, (next, entry) -> {
                    if (next.equals("next")) {
                        entries.incrementAndGet();
                    }
                    return entry;
                });
            }
            return result;
        });
    }

    private interface Listener {
        Object called(String method, Object result);
    }

    private static Object proxy(Class<?> type, Object target, Listener listener) {
        return Proxy.newProxyInstance(
                CountingStore.class.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
                    try {
                        return listener.called(method.getName(), method.invoke(target, arguments));
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    /** Reads since the last call. */
    public long takeReads() {
        return lookups.getAndSet(0) + ranges.getAndSet(0) + entries.getAndSet(0);
    }
}
