using Kalshi.Daemon.Bench.Fuzz;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange.Protocol;

internal sealed class FrameFuzzTest
{
    [Test]
    public void A_short_fuzz_run_breaks_no_rule()
    {
        Seeds.New(out var seed);
        Assert.That(FrameFuzz.Run(200_000, (ulong)seed), Is.Zero, "see the console for the input and how to replay it");
    }
}
