using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Orleans.DOS.Catalog;
using Orleans.DOS.Jobs;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Security;

/// <summary>
/// Knows who a token stands for. Tokens of users are rows of dos_credentials, found by the SHA-256 of the token (a token has 256
/// random bits, so that a slow hash would add nothing). Tokens of processes, tasks and nodes are signed and need no row of their own;
/// that of a process or a task is good while the catalog calls that incarnation running, or that job unfinished.
/// An answer holds for two seconds, so that a revoked token dies soon, and up to a minute while the catalog is away (design, section 7).
/// </summary>
public sealed class CredentialStore(ICatalog catalog, ClusterKey key, INodeLease lease, TimeProvider time) : ICredentialVerifier
{
    public const string UserPrefix = "dos1.";
    private const int UserTokenLength = 5 + 43, UserTokenBytes = 32;
    private const int KindUser = 1, KindCluster = 2;

    /// <summary>Bounds the memory that a flood of wrong tokens can take, and that of good ones, of which each process has one.</summary>
    private const int CachedMax = 10_000;

    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan HoldsWhileAway = TimeSpan.FromSeconds(60);

    private readonly ConcurrentDictionary<string, Known> _known = new(StringComparer.Ordinal);

    /// <summary>What stands for nobody. Apart from <see cref="_known"/>: strangers must not make a node forget whom it knows.</summary>
    private readonly ConcurrentDictionary<string, Known> _strangers = new(StringComparer.Ordinal);

    /// <summary>Of tokens that stood for somebody: each call of a client carries one of a few, and hashing it took longer than all other checks.</summary>
    private readonly ConcurrentDictionary<string, string> _hashes = new(StringComparer.Ordinal);

    public async ValueTask<Caller?> VerifyAsync(string token, CancellationToken cancellationToken = default)
    {
        if (token.Length > Credentials.TokenLengthMax)
        {
            return null;
        }
        if (token.StartsWith(ClusterKey.NodeKind, StringComparison.Ordinal))
        {
            return key.ReadNode(token) is null ? null : new Caller(Principal.Admin, IsNode: true);
        }
        if (token.StartsWith(ClusterKey.ProcessKind, StringComparison.Ordinal))
        {
            return key.ReadProcess(token) is { Process: { } pid } process
                ? await VerifyHereAsync($"p:{pid}:{process.Incarnation}", session => LivesAsync(session, process, pid), cancellationToken).ConfigureAwait(false)
                : null;
        }
        if (token.StartsWith(ClusterKey.TaskKind, StringComparison.Ordinal))
        {
            return key.ReadTask(token) is { } task
                ? await VerifyHereAsync($"t:{task.Job}:{task.Caller.Incarnation}", session => LivesAsync(session, task), cancellationToken).ConfigureAwait(false)
                : null;
        }
        if (token.Length != UserTokenLength || !token.StartsWith(UserPrefix, StringComparison.Ordinal))
        {
            return null;
        }
        if (_hashes.TryGetValue(token, out var hash))
        {
            return await VerifyAsync(hash, UserOf(hash), cancellationToken).ConfigureAwait(false);
        }
        hash = Hash(token);
        var caller = await VerifyAsync(hash, UserOf(hash), cancellationToken).ConfigureAwait(false);
        if (caller is not null)
        {
            KeepHash(token, hash);
        }
        return caller;
    }

    /// <summary>Draws a new token.</summary>
    public static string NewToken() => UserPrefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(UserTokenBytes));

    /// <summary>Whether it has the shape of a user's token.</summary>
    public static bool IsWellFormed(string token) =>
        token.Length == UserTokenLength && token.StartsWith(UserPrefix, StringComparison.Ordinal) && Base64Url.IsValid(token.AsSpan(UserPrefix.Length));

    /// <summary>Makes a token good for a principal. Repeating it is harmless.</summary>
    public static Task GrantAsync(ICatalog catalog, string token, Principal principal, DateTimeOffset now, CancellationToken cancellationToken) =>
        InsertAsync(catalog, Hash(token), principal, KindUser, now, cancellationToken);

    /// <summary>Binds the cluster to its key at its first start; answers whether this is the cluster's key.</summary>
    public static async Task<bool> BindAsync(ICatalog catalog, byte[] clusterKey, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(clusterKey));
        if (await BoundAsync(catalog, cancellationToken).ConfigureAwait(false) is { } bound)
        {
            return bound == hash;
        }
        await InsertAsync(catalog, hash, new Principal("cluster", 0, 0), KindCluster, now, cancellationToken).ConfigureAwait(false);
        return await BoundAsync(catalog, cancellationToken).ConfigureAwait(false) == hash;
    }

    /// <summary>Hash of the key to which the cluster is bound, or null before its first start.</summary>
    public static Task<string?> BoundAsync(ICatalog catalog, CancellationToken cancellationToken) => catalog.ReadAsync(
        session => session.QueryFirstAsync<string>(
            "SELECT token_hash FROM dos_credentials WHERE kind = @kind ORDER BY created_at, token_hash", new { kind = KindCluster }),
        cancellationToken);

    private async Task<Caller?> VerifyAsync(string name, Func<ICatalogSession, Task<Found>> find, CancellationToken cancellationToken)
    {
        var known = _known.GetValueOrDefault(name) ?? _strangers.GetValueOrDefault(name);
        if (known is not null && time.GetElapsedTime(known.Read) < Fresh)
        {
            return Alive(known);
        }
        try
        {
            var read = time.GetTimestamp();
            var found = await catalog.ReadAsync(find, cancellationToken).ConfigureAwait(false);
            return Alive(Keep(name, new Known(found, read)));
        }
        catch (DosException failure) when (failure.Code == DosErrorCode.Unavailable && known is not null && time.GetElapsedTime(known.Read) < HoldsWhileAway)
        {
            return Alive(known);
        }
    }

    /// <summary>
    /// What runs on this node acts only while the node holds its lease: when that has run out it may have been started again elsewhere,
    /// whatever was known of it a second ago.
    /// </summary>
    private async Task<Caller?> VerifyHereAsync(string name, Func<ICatalogSession, Task<Found>> find, CancellationToken cancellationToken)
    {
        var caller = await VerifyAsync(name, find, cancellationToken).ConfigureAwait(false);
        await lease.RequireAsync().ConfigureAwait(false);
        return caller;
    }

    private Known Keep(string name, Known known)
    {
        var (into, outOf) = known.Found.Caller is null ? (_strangers, _known) : (_known, _strangers);
        if (into.Count >= CachedMax)
        {
            MakeRoom(into);
        }
        outOf.TryRemove(name, out _);
        return into[name] = known;
    }

    private void KeepHash(string token, string hash)
    {
        if (_hashes.Count >= CachedMax)
        {
            _hashes.Clear();
        }
        _hashes[token] = hash;
    }

    private void MakeRoom(ConcurrentDictionary<string, Known> full)
    {
        foreach (var (name, known) in full)
        {
            if (time.GetElapsedTime(known.Read) >= HoldsWhileAway)
            {
                full.TryRemove(name, out _);
            }
        }
        if (full.Count >= CachedMax)
        {
            full.Clear();
        }
    }

    private static Func<ICatalogSession, Task<Found>> UserOf(string hash) => async session =>
    {
        var row = await session.QueryFirstAsync<Row>(
            "SELECT principal AS Name, user_id AS UserId, group_id AS GroupId, expires_at AS ExpiresAt FROM dos_credentials WHERE token_hash = @hash AND kind = @kind",
            new { hash, kind = KindUser }).ConfigureAwait(false);
        return row is null ? default : new Found(new Caller(new Principal(row.Name, (int)row.UserId, (int)row.GroupId)), row.ExpiresAt);
    };

    private static async Task<Found> LivesAsync(ICatalogSession session, Caller process, ProcessId pid) =>
        await session.QueryFirstAsync<long?>(
            "SELECT pid FROM dos_processes WHERE pid = @pid AND machine_id = @machine AND incarnation = @incarnation AND state IN (@running, @stopped)",
            new
            {
                pid = pid.Value,
                machine = process.Machine?.Value,
                incarnation = process.Incarnation,
                running = (long)ProcessState.Running,
                stopped = (long)ProcessState.Stopped,
            }).ConfigureAwait(false) is null ? default : new Found(process, null);

    private static async Task<Found> LivesAsync(ICatalogSession session, TaskCaller task) =>
        await session.QueryFirstAsync<long?>(
            "SELECT job_id FROM dos_jobs WHERE job_id = @job AND machine_id = @machine AND state < @ended",
            new { job = task.Job.Value, machine = task.Caller.Machine?.Value, ended = (long)JobState.Succeeded }).ConfigureAwait(false) is null
            ? default
            : new Found(task.Caller, null);

    private Caller? Alive(Known known) =>
        known.Found.ExpiresAt is { } expiry && CatalogTime.From(time.GetUtcNow()) >= expiry ? null : known.Found.Caller;

    private static Task InsertAsync(ICatalog catalog, string hash, Principal principal, int kind, DateTimeOffset now, CancellationToken cancellationToken) =>
        catalog.WriteAsync(session => session.ExecuteAsync(
            """
            INSERT INTO dos_credentials(token_hash, principal, user_id, group_id, kind, created_at, expires_at)
            VALUES (@hash, @name, @user, @group, @kind, @at, NULL) ON CONFLICT (token_hash) DO NOTHING
            """,
            new { hash, name = principal.Name, user = (long)principal.UserId, group = (long)principal.GroupId, kind = (long)kind, at = CatalogTime.From(now) }),
            cancellationToken);

    private static string Hash(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    /// <summary>What the catalog says: nobody, or who and until when.</summary>
    private readonly record struct Found(Caller? Caller, long? ExpiresAt);

    private sealed record Known(Found Found, long Read);

    private sealed class Row
    {
        public string Name { get; set; } = "";
        public long UserId { get; set; }
        public long GroupId { get; set; }
        public long? ExpiresAt { get; set; }
    }
}
