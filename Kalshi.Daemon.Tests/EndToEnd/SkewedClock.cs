using System.Globalization;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.EndToEnd;

/// <summary>
/// A wall clock that is wrong by a constant, for one process: a library that the loader puts before libc's clock. Needs a C compiler, as the build does.
/// The binary under test is the published one.
/// </summary>
internal static class SkewedClock
{
    private const string Source =
        """
        #define _GNU_SOURCE
        #include <stdlib.h>
        #include <sys/syscall.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>

        static long long skew; /* nanoseconds */

        __attribute__((constructor)) static void read_skew(void)
        {
            const char *text = getenv("CLOCK_SKEW_MS");
            skew = text ? atoll(text) * 1000000 : 0;
        }

        int clock_gettime(clockid_t clock, struct timespec *to)
        {
            int failed = (int)syscall(SYS_clock_gettime, clock, to);
            if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
                long long at = to->tv_sec * 1000000000LL + to->tv_nsec + skew;
                to->tv_sec = at / 1000000000LL;
                to->tv_nsec = at % 1000000000LL;
            }
            return failed;
        }

        int gettimeofday(struct timeval *restrict to, void *restrict zone)
        {
            struct timespec now;
            int failed = clock_gettime(CLOCK_REALTIME, &now);
            (void)zone;
            to->tv_sec = now.tv_sec;
            to->tv_usec = now.tv_nsec / 1000;
            return failed;
        }

        time_t time(time_t *to)
        {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            if (to)
                *to = now.tv_sec;
            return now.tv_sec;
        }
        """;

    /// <summary>Makes the library in the folder; its path.</summary>
    public static string Build(string folder)
    {
        var (source, library) = (Path.Combine(folder, "skewed-clock.c"), Path.Combine(folder, "skewed-clock.so"));
        File.WriteAllText(source, Source);
        var compiler = ((string[])["gcc", "clang"]).FirstOrDefault(each => Tool.TryRun(each, "--version") is not null);
        Assert.That(compiler, Is.Not.Null, "gcc or clang is needed, as for the build");
        Tool.MustRun(compiler!, "-shared", "-fPIC", "-O2", "-o", library, source);
        return library;
    }

    /// <summary>What a process needs in its environment to have that clock.</summary>
    public static IReadOnlyDictionary<string, string> Environment(string library, int skewMs) =>
        new Dictionary<string, string> { ["LD_PRELOAD"] = library, ["CLOCK_SKEW_MS"] = skewMs.ToString(CultureInfo.InvariantCulture) };
}
