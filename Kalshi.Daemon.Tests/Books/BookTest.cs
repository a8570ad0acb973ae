using CsCheck;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Books;

internal sealed class BookTest
{
    /// <summary>The obvious book: what <see cref="Book"/> must be equal to after any sequence of changes.</summary>
    private sealed class Model
    {
        public readonly SortedDictionary<int, long> Yes = [];
        public readonly SortedDictionary<int, long> No = [];

        public bool Apply(Side side, int price, long delta)
        {
            var levels = side == Side.Yes ? Yes : No;
            var quantity = levels.GetValueOrDefault(price) + delta;
            if (quantity == 0)
            {
                levels.Remove(price);
            }
            else
            {
                levels[price] = quantity;
            }

            return quantity >= 0;
        }

        public Level[] Levels(Side side) => [.. (side == Side.Yes ? Yes : No).Select(pair => new Level(pair.Key, pair.Value))];
    }

    private static readonly Gen<(bool IsSnapshot, bool IsYes, int Price, int Delta)[]> Changes =
        Gen.Select(Gen.Int[0, 30].Select(n => n == 0), Gen.Bool, Gen.Int[1, 12], Gen.Int[-5, 8]).Array[0, 200];

    [Test]
    public void Book_equals_the_model_after_any_sequence_of_changes() => Changes.Sample(
        changes =>
        {
            var (book, model) = (new Book(), new Model());
            foreach (var (isSnapshot, isYes, price, delta) in changes)
            {
                var side = isYes ? Side.Yes : Side.No;
                if (isSnapshot)
                {
                    model.Yes.Clear();
                    model.No.Clear();
                    model.Apply(side, price * 10_000, Math.Abs(delta));
                    book.Replace(model.Levels(Side.Yes), model.Levels(Side.No));
                }
                else
                {
                    var isSound = model.Apply(side, price * 10_000, delta);
                    Assert.That(book.Apply(side, price * 10_000, delta) == BookVerdict.Applied, Is.EqualTo(isSound));
                }

                AssertEqual(book, model);
            }
        },
        iter: 2_000);

    [Test]
    public void Any_order_of_the_same_changes_gives_the_same_hash()
    {
        var random = new Random(7);
        var changes = Enumerable.Range(0, 500).Select(_ => (Side: (Side)random.Next(1, 3), Price: random.Next(1, 40), Delta: (long)random.Next(-9, 9))).ToArray();
        var (ordered, shuffled) = (new Book(), new Book());
        foreach (var change in changes)
        {
            ordered.Apply(change.Side, change.Price, change.Delta);
        }

        random.Shuffle(changes);
        foreach (var change in changes)
        {
            shuffled.Apply(change.Side, change.Price, change.Delta);
        }

        Assert.That(shuffled.Hash, Is.EqualTo(ordered.Hash));
    }

    [Test]
    public void The_hash_tells_side_price_and_quantity_apart()
    {
        var hashes = from side in new[] { Side.Yes, Side.No }
                     from price in Enumerable.Range(1, 200)
                     from quantity in Enumerable.Range(1, 200)
                     select Book.HashOf(side == Side.Yes ? [new Level(price, quantity)] : [], side == Side.No ? [new Level(price, quantity)] : []);
        Assert.That(hashes.Distinct().Count(), Is.EqualTo(2 * 200 * 200));
        Assert.That(Book.HashOf([], []), Is.Zero);
        Assert.That(Book.HashOf([new Level(1, 0)], []), Is.Zero, "a level of nothing is no level");
    }

    [Test]
    public void A_level_at_zero_vanishes_and_one_below_zero_is_told_and_kept()
    {
        var book = new Book();
        Assert.That(book.Apply(Side.Yes, 10, 5), Is.EqualTo(BookVerdict.Applied));
        Assert.That(book.Apply(Side.Yes, 10, -5), Is.EqualTo(BookVerdict.Applied));
        Assert.That(book.IsEmpty);
        Assert.That(book.Apply(Side.Yes, 10, -3), Is.EqualTo(BookVerdict.BelowZero));
        Assert.That(book.Apply(Side.Yes, 10, 3), Is.EqualTo(BookVerdict.Applied));
        Assert.That(book.IsEmpty);
        Assert.That(book.Hash, Is.Zero);
    }

    [Test]
    public void A_snapshot_that_names_a_price_twice_adds_up()
    {
        var book = new Book();
        book.Replace([new Level(10, 1), new Level(10, 2), new Level(20, 0)], []);
        Assert.That((book.YesCount, book.Yes(0)), Is.EqualTo((1, new Level(10, 3))));
        var same = new Book();
        same.Apply(Side.Yes, 10, 3);
        Assert.That(book.Hash, Is.EqualTo(same.Hash));
    }

    [Test]
    public void Changes_in_a_book_that_does_not_grow_allocate_nothing()
    {
        var book = new Book();
        for (var price = 1; price <= 50; price++)
        {
            book.Apply(Side.Yes, price, 10);
            book.Apply(Side.No, price, 10);
        }

        Level[] levels = [new(5, 5), new(6, 6)];
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++)
        {
            book.Apply(Side.Yes, (i % 50) + 1, -10);
            book.Apply(Side.Yes, (i % 50) + 1, 10);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        Assert.That(Book.HashOf(levels, levels), Is.Not.Zero);
    }

    [Test]
    public void A_million_books_fit_in_a_few_hundred_megabytes()
    {
        const int count = 20_000;
        var random = new Random(3);
        var before = GC.GetTotalMemory(true);
        var books = new Book[count];
        for (var i = 0; i < count; i++)
        {
            // Mean 12 levels a market, most far from the touch and quiet.
            books[i] = new Book();
            books[i].Replace(Levels(random.Next(0, 13)), Levels(random.Next(0, 13)));
        }

        var bytes = (double)(GC.GetTotalMemory(true) - before) / count;
        GC.KeepAlive(books);
        Assert.That(bytes, Is.LessThan(300), "bytes a book");
    }

    private static Level[] Levels(int count) => [.. Enumerable.Range(1, count).Select(n => new Level(n * 10_000, n))];

    private static void AssertEqual(Book book, Model model)
    {
        var (yes, no) = (model.Levels(Side.Yes), model.Levels(Side.No));
        Assert.That(Enumerable.Range(0, book.YesCount).Select(book.Yes), Is.EqualTo(yes));
        Assert.That(Enumerable.Range(0, book.NoCount).Select(book.No), Is.EqualTo(no));
        Assert.That(book.Hash, Is.EqualTo(Book.HashOf(yes, no)));
    }
}
