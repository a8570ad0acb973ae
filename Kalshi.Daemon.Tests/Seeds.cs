using NUnit.Framework;

namespace Kalshi.Daemon.Tests;

/// <summary>Seeds of random tests: printed, and replayed with `KALSHID_TEST_SEED=N ./build.sh test --filter NAME`.</summary>
internal static class Seeds
{
    public static Random New(out int seed)
    {
        seed = int.TryParse(Environment.GetEnvironmentVariable("KALSHID_TEST_SEED"), out var given) ? given : Random.Shared.Next();
        TestContext.Out.WriteLine($"seed {seed}: KALSHID_TEST_SEED={seed} ./build.sh test --filter \"FullyQualifiedName={TestContext.CurrentContext.Test.FullName}\"");
        return new Random(seed);
    }
}
