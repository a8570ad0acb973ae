using Kalshi.Daemon.Tests.Store;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests;

/// <summary>The end of the test run, whatever its tests did.</summary>
[SetUpFixture]
internal sealed class TestRun
{
    [OneTimeTearDown]
    public Task EndAsync() => StoreServers.StopAsync();
}
