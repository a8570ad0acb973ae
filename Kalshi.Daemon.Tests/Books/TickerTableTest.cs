using System.Text;
using Kalshi.Daemon.Books;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Books;

internal sealed class TickerTableTest
{
    [Test]
    public void Ids_are_dense_in_order_of_first_sight_and_names_come_back()
    {
        var table = new TickerTable();
        for (var round = 0; round < 2; round++)
        {
            for (var i = 0; i < 100_000; i++)
            {
                Assert.That(table.GetOrAdd(Encoding.UTF8.GetBytes($"KX-{i}")), Is.EqualTo(i));
            }
        }

        Assert.That(table.Count, Is.EqualTo(100_000));
        Assert.That(table.Name(54_321), Is.EqualTo("KX-54321"));
        Assert.That(table.Name(54_321), Is.SameAs(table.Name(54_321)));
        Assert.That(table.TryGet("KX-7"u8, out var id) && id == 7);
        Assert.That(table.TryGet("KX-100000"u8, out _), Is.False);
        Assert.That(table.GetOrAdd(""u8), Is.EqualTo(100_000), "an empty ticker is a ticker like any other");
    }

    [Test]
    public void Looking_up_a_known_ticker_allocates_nothing()
    {
        var table = new TickerTable();
        table.GetOrAdd("KXGOLD-1"u8);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
        {
            table.GetOrAdd("KXGOLD-1"u8);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }
}
