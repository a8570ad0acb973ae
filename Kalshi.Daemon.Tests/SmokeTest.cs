using NUnit.Framework;

namespace Kalshi.Daemon.Tests;

internal sealed class SmokeTest
{
    [Test]
    public void Nothing() => Assert.Pass();
}
