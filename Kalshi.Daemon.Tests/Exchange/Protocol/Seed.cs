using System.Globalization;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange.Protocol;

/// <summary>Seeds of random tests: printed, and taken from KALSHID_TEST_SEED to replay one.</summary>
internal static class Seed
{
    public static Random Random(out int seed)
    {
        var text = Environment.GetEnvironmentVariable("KALSHID_TEST_SEED");
        seed = text is null ? Environment.TickCount & int.MaxValue : int.Parse(text, CultureInfo.InvariantCulture);
        TestContext.Out.WriteLine($"seed {seed}; replay with KALSHID_TEST_SEED={seed} dotnet test --filter \"FullyQualifiedName~{TestContext.CurrentContext.Test.FullName}\"");
        return new Random(seed);
    }
}
