using Kalshi.Daemon.Primitives;
using Npgsql;

namespace Kalshi.Daemon.Store;

/// <summary>
/// The schema of one kind of database, as numbered files in the binary. Each is applied in a transaction of its own and recorded in
/// kalshid.migrations; an advisory lock makes processes that start together take turns. A database of the other kind is refused.
/// </summary>
/// <remarks>
/// Everything that changes the catalogue happens under that lock, the rights included: two GRANTs on one table at once, or one beside an
/// upkeep that makes a partition, end in "tuple concurrently updated". The rights are part of the last file's transaction, so a schema
/// that is current has them, and whoever finds it current (an upkeep, a reader) never meets a GRANT.
/// </remarks>
internal sealed class Migrations
{
    /// <summary>Of a gatherer's store.</summary>
    public static readonly Migrations Gatherer = new("gatherer", "Store/Schema/", "store.timescale");

    /// <summary>Of the database that dedup merges gatherers' stores into.</summary>
    public static readonly Migrations Production = new("production", "Dedup/Schema/", "dedup.timescale");

    /// <summary>Any number that nobody else uses.</summary>
    private const long LockKey = 0x6B616C73686964;

    private const string GrantRoles = "select kalshid.grant_roles()";

    private readonly string _kind;
    private readonly string _timescaleSetting;

    private Migrations(string kind, string folder, string timescaleSetting)
    {
        _kind = kind;
        _timescaleSetting = timescaleSetting;
        All = [.. SchemaFiles.Read(folder)];
    }

    /// <summary>Number, name and text, in order. Numbers are 1, 2, 3, …</summary>
    public IReadOnlyList<(int Version, string Name, string Sql)> All { get; }

    public int Latest => All[^1].Version;

    /// <summary>The version in the database, whatever its kind; 0 = none.</summary>
    public static async Task<int> VersionAsync(NpgsqlConnection connection, CancellationToken cancellation = default)
    {
        // Read from the tables: to_regclass may answer from the session's cache, which has not heard yet of what another process committed before our turn came.
        await using var exists = new NpgsqlCommand(
            "select exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = 'kalshid' and c.relname = 'migrations')", connection);
        if (!(bool)(await exists.ExecuteScalarAsync(cancellation))!)
        {
            return 0;
        }

        await using var version = new NpgsqlCommand("select coalesce(max(version), 0) from kalshid.migrations", connection);
        return (int)(await version.ExecuteScalarAsync(cancellation))!;
    }

    /// <summary>
    /// Brings the database to <see cref="Latest"/>. Throws <see cref="SetupException"/> (exit 78) for a newer schema, for a database of the other
    /// kind, or when TimescaleDB is demanded (`timescale` = on) and cannot be had; <see cref="NpgsqlException"/> when the database fails.
    /// </summary>
    /// <returns>The number of files applied.</returns>
    public async Task<int> ApplyAsync(StoreDatabase database, string timescale, CancellationToken cancellation = default)
    {
        await using var connection = await database.OpenAsync(cancellation);
        switch (await KnownVersionAsync(database, connection, cancellation))
        {
            case var version when version == Latest:
                return 0;
            case 0:
                await OfferTimescaleAsync(database, timescale, cancellation);
                break;
        }

        var applied = 0;
        foreach (var (version, name, sql) in All)
        {
            applied += await ApplyAsync(database, connection, version, name, sql, timescale, cancellation) ? 1 : 0;
        }

        return applied;
    }

    /// <summary>Makes roles that have become possible, and grants what each needs: the end of <see cref="ApplyAsync(StoreDatabase, string, CancellationToken)"/>, once more. For the owner.</summary>
    public static async Task GrantRolesAsync(NpgsqlConnection connection, CancellationToken cancellation = default)
    {
        await using var transaction = await BeginTurnAsync(connection, cancellation);
        await ExecuteAsync(connection, GrantRoles, cancellation);
        await transaction.CommitAsync(cancellation);
    }

    /// <summary>The version in the database; 0 = none. Throws <see cref="SetupException"/> for one of the other kind, or made by a newer kalshid.</summary>
    public async Task<int> KnownVersionAsync(StoreDatabase database, NpgsqlConnection connection, CancellationToken cancellation = default)
    {
        var version = await VersionAsync(connection, cancellation);
        if (version > 0 && await KindAsync(connection, cancellation) != _kind)
        {
            throw new SetupException(ExitCode.Config, this == Gatherer
                ? $"{database.Setting} names production's database ({database.Name}), and a gatherer's is meant: give each gatherer a database of its own, beside that of dedup.production_dsn."
                : $"{database.Setting} names a gatherer's database ({database.Name}), and production's is meant: give it a database of its own; gatherers' databases are the dedup.gatherer.NAME lines.");
        }

        return version <= Latest ? version
            : throw new SetupException(ExitCode.Config, $"The schema in {database.Name} has version {version}; this kalshid knows {Latest}: use the newer kalshid that made it.");
    }

    /// <summary>Whether the database is of this kind and version.</summary>
    public async Task<bool> IsCurrentAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        await VersionAsync(connection, cancellation) == Latest && await KindAsync(connection, cancellation) == _kind;

    /// <summary>Of a database with a schema. The oldest gatherers' databases do not say what they are.</summary>
    private static async Task<string> KindAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("select coalesce(to_jsonb(s) ->> 'kind', 'gatherer') from kalshid.store s", connection);
        return (string)(await command.ExecuteScalarAsync(cancellation))!;
    }

    /// <summary>Creates the extension when it is wanted and possible. On a connection of its own: a library that was not preloaded ends it.</summary>
    private async Task OfferTimescaleAsync(StoreDatabase database, string timescale, CancellationToken cancellation)
    {
        await using var connection = await database.OpenAsync(cancellation);
        if (timescale == "off" || await HasTimescaleAsync(connection, cancellation))
        {
            return;
        }

        try
        {
            // Without the lock, "if not exists" is no protection from somebody who creates it at the same moment.
            await using var transaction = await BeginTurnAsync(connection, cancellation);
            await ExecuteAsync(connection, "create extension if not exists timescaledb", cancellation);
            await transaction.CommitAsync(cancellation);
        }
        catch (PostgresException e) when (timescale == "on")
        {
            throw new SetupException(ExitCode.Config, $"{_timescaleSetting} is on, but the extension cannot be created: {e.MessageText}. Install and preload timescaledb, or set {_timescaleSetting} = auto.");
        }
        catch (PostgresException)
        {
            // Not offered here: a plain store.
        }
    }

    private static async Task<bool> HasTimescaleAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("select exists (select from pg_extension where extname = 'timescaledb')", connection);
        return (bool)(await command.ExecuteScalarAsync(cancellation))!;
    }

    /// <summary>Whether the extension is there and has what the schema uses: the columnstore, which is not in the Apache-licensed part.</summary>
    private static async Task<bool> IsTimescaleUsableAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            """
            select exists (
                select from pg_extension
                where extname = 'timescaledb' and split_part(extversion, '.', 1)::int * 1000 + split_part(extversion, '.', 2)::int >= 2020
                    and current_setting('timescaledb.license', true) is distinct from 'apache')
            """,
            connection);
        return (bool)(await command.ExecuteScalarAsync(cancellation))!;
    }

    private async Task<bool> ApplyAsync(
        StoreDatabase database, NpgsqlConnection connection, int version, string name, string sql, string timescale, CancellationToken cancellation)
    {
        await using var transaction = await BeginTurnAsync(connection, cancellation);
        if (await KnownVersionAsync(database, connection, cancellation) >= version)
        {
            return false;
        }

        var isTimescale = version == 1
            ? timescale != "off" && await IsTimescaleUsableAsync(connection, cancellation)
            : await IsTimescaleAsync(connection, cancellation);
        if (version == 1 && timescale == "on" && !isTimescale)
        {
            throw new SetupException(ExitCode.Config, $"{_timescaleSetting} is on, but this TimescaleDB is older than 2.20 or its Apache edition, without the columnstore: upgrade it, or set {_timescaleSetting} = auto.");
        }

        await ExecuteAsync(connection, $"select set_config('kalshid.timescale', '{(isTimescale ? "on" : "off")}', true)", cancellation);
        await ExecuteAsync(connection, sql, cancellation);
        await ExecuteAsync(connection, "create table if not exists kalshid.migrations (version int primary key, name text not null, applied_at timestamptz not null default clock_timestamp())", cancellation);
        await ExecuteAsync(connection, $"insert into kalshid.migrations (version, name) values ({version}, '{name}')", cancellation);
        if (version == Latest)
        {
            await ExecuteAsync(connection, GrantRoles, cancellation);
        }

        await transaction.CommitAsync(cancellation);
        return true;
    }

    /// <summary>A transaction that no other process has at the same time, in this database.</summary>
    private static async Task<NpgsqlTransaction> BeginTurnAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        var transaction = await connection.BeginTransactionAsync(cancellation);
        try
        {
            await ExecuteAsync(connection, $"select pg_advisory_xact_lock({LockKey})", cancellation);
            return transaction;
        }
        catch
        {
            await transaction.DisposeAsync();
            throw;
        }
    }

    public static async Task<bool> IsTimescaleAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("select is_timescale from kalshid.store", connection);
        return (bool)(await command.ExecuteScalarAsync(cancellation))!;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellation);
    }
}
