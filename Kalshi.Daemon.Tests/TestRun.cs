using Kalshi.Daemon.Tests.Store;
using NUnit.Framework;

// Fixtures that wait for servers and time-outs most of the time, or that only compute, run beside each other; what measures a process runs alone.
[assembly: LevelOfParallelism(3)]

namespace Kalshi.Daemon.Tests;

/// <summary>The end of the test run, whatever its tests did.</summary>
[SetUpFixture]
internal sealed class TestRun
{
    [OneTimeTearDown]
    public Task EndAsync() => StoreServers.StopAsync();
}
