using System.Globalization;
using System.Text;
using System.Text.Json;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Verify;

/// <summary>`kalshid book TICKER --at TIME`: the order book at an instant, of receive time or, from production, of the exchange's. Exit 0 = covered, 1 = not.</summary>
internal static class BookCommand
{
    private const int Dollar = 1_000_000;

    public static readonly CommandOption[] Options =
    [
        new("at", "TIME", "RFC 3339 (2026-11-23T14:00:00Z), µs since 1970, or now (the default)"),
        new("journal", null, "read the journal (the default); its directory may follow, else it is that of the configuration"),
        new("store", null, "read the database of store.dsn"),
        new("production", null, "read the database of dedup.production_dsn; TIME is then the exchange's"),
        new("parquet", "DIR", "read exported Parquet files"),
        new("json", null, "the book as JSON: prices in dollars and sizes in contracts, as exact decimal strings"),
    ];

    public static Task<int> RunAsync(CommandLine line)
    {
        var ticker = line.Positional is [var first, ..] ? first : throw new SetupException(ExitCode.Usage, "kalshid book needs a ticker: kalshid book TICKER --at TIME.");
        var book = new BookAt(ticker, ParseTime(line.Value("at") ?? "now")) { IsMerged = line.Has("production") };
        if (line.Value("parquet") is { } directory)
        {
            BookParquetSource.Read(directory, book);
        }
        else if (line.Has("store"))
        {
            using var database = VerifyCommand.StoreOf(line);
            BookStoreSource.Read(database, book);
        }
        else if (line.Has("production"))
        {
            using var database = VerifyCommand.ProductionOf(line);
            BookProductionSource.Read(database, book);
        }
        else
        {
            BookJournalSource.Read(VerifyCommand.JournalDirectory(line, positional: 1), book);
        }

        if (book.Coverages.Count == 0 && !book.Tickers.TryGet(Encoding.UTF8.GetBytes(ticker), out _))
        {
            throw new SetupException(ExitCode.Usage, $"No snapshot of a market {ticker} is held{NearMatches(ticker, book.Tickers.Names)}.");
        }

        if (line.Has("json"))
        {
            Console.Out.WriteLine(ToJson(book));
        }
        else
        {
            Print(book, Console.Out);
        }

        return Task.FromResult(book.Cover is null ? ExitCode.Failed : ExitCode.Ok);
    }

    /// <summary>Throws <see cref="SetupException"/> for anything but RFC 3339, µs and "now".</summary>
    public static long ParseTime(string text)
    {
        if (text == "now")
        {
            return Micros.Now();
        }

        return Micros.TryParseRfc3339(Encoding.UTF8.GetBytes(text), out var at) || (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out at) && at > 0)
            ? at : throw new SetupException(ExitCode.Usage, $"--at {text}: expected a time such as 2026-11-23T14:00:00Z, microseconds since 1970, or now.");
    }

    /// <summary>The three tickers nearest by spelling among those that begin most alike.</summary>
    public static string NearMatches(string wrong, IEnumerable<string> tickers)
    {
        const int considered = 200;
        var near = tickers.Select(ticker => (Ticker: ticker, Alike: wrong.AsSpan().CommonPrefixLength(ticker))).Where(pair => pair.Alike >= 2)
            .OrderByDescending(pair => pair.Alike).ThenBy(pair => Math.Abs(pair.Ticker.Length - wrong.Length)).Take(considered).Select(pair => pair.Ticker)
            .OrderBy(ticker => Spelling.Distance(wrong, ticker)).Take(3).ToArray();
        return near.Length == 0 ? "" : $" (did you mean {string.Join(" or ", near)}?)";
    }

    public static void Print(BookAt at, TextWriter output)
    {
        output.WriteLine($"{at.Ticker} at {Micros.Format(at.At)}");
        output.WriteLine($"  {at.Statement()}");
        if (at.Book is not { } rebuilt)
        {
            return;
        }

        var book = rebuilt.Book;
        output.WriteLine($"  {(at.Cover is null ? "last known book, changed" : "last change")} {Micros.Format(rebuilt.ChangedAt)}");
        output.WriteLine();
        output.WriteLine($"  {"yes bid",10} {"size",16}   {"no bid",10} {"size",16}");
        for (var rank = 0; rank < Math.Max(book.YesCount, book.NoCount); rank++)
        {
            var (yes, no) = (FromTop(book.Yes, book.YesCount, rank), FromTop(book.No, book.NoCount, rank));
            output.WriteLine($"  {Price(yes),10} {Size(yes),16}   {Price(no),10} {Size(no),16}".TrimEnd());
        }

        output.WriteLine();
        output.WriteLine($"  best yes bid {Price(FromTop(book.Yes, book.YesCount, 0), "none")}, best yes ask {Ask(FromTop(book.No, book.NoCount, 0), "none")} (one dollar less the best no bid)");
    }

    public static string ToJson(BookAt at)
    {
        var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("ticker", at.Ticker);
            json.WriteString("at", Micros.Format(at.At));
            json.WriteBoolean("covered", at.Cover is not null);
            json.WriteString("statement", at.Statement());
            if (at.Cover is { } cover)
            {
                json.WriteNumber(at.IsMerged ? "stretch" : "epoch_id", cover.EpochId);
            }

            if (at.IsMerged)
            {
                WriteSources(json, at);
            }

            if (at.Book is { } rebuilt)
            {
                json.WriteString("snapshot_at", Micros.Format(rebuilt.SnapshotAt));
                json.WriteNumber(at.IsMerged ? "snapshot_ordinal" : "snapshot_seq", rebuilt.SnapshotSeq);
                json.WriteNumber("deltas_since", rebuilt.Deltas);
                json.WriteString("changed_at", Micros.Format(rebuilt.ChangedAt));
                WriteBook(json, rebuilt.Book);
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static void WriteSources(Utf8JsonWriter json, BookAt at)
    {
        json.WriteStartArray("sources");
        foreach (var name in at.Sources)
        {
            json.WriteStringValue(name);
        }

        json.WriteEndArray();
    }

    private static void WriteBook(Utf8JsonWriter json, Books.Book book)
    {
        var (yes, no) = (FromTop(book.Yes, book.YesCount, 0), FromTop(book.No, book.NoCount, 0));
        json.WriteString("best_yes_bid", yes is null ? null : Price(yes));
        json.WriteString("best_yes_ask", no is null ? null : Ask(no, ""));
        WriteSide(json, "yes", book.Yes, book.YesCount);
        WriteSide(json, "no", book.No, book.NoCount);
    }

    private static void WriteSide(Utf8JsonWriter json, string name, Func<int, Level> levels, int count)
    {
        json.WriteStartArray(name);
        for (var i = 0; i < count; i++)
        {
            json.WriteStartArray();
            json.WriteStringValue(Text.Dollars(levels(i).Price));
            json.WriteStringValue(Text.Contracts(levels(i).Quantity));
            json.WriteEndArray();
        }

        json.WriteEndArray();
    }

    /// <summary>Rank 0 is the highest price: the best bid.</summary>
    private static Level? FromTop(Func<int, Level> levels, int count, int rank) => rank < count ? levels(count - 1 - rank) : null;

    private static string Price(Level? level, string none = "") => level is { } held ? Text.Dollars(held.Price) : none;

    private static string Size(Level? level) => level is { } held ? Text.Contracts(held.Quantity) : "";

    private static string Ask(Level? no, string none) => no is { } held ? Text.Dollars(Dollar - held.Price) : none;
}
