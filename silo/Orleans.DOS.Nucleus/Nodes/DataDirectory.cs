using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Nodes;

#pragma warning disable CA1416 // A node runs on Linux or macOS: modes, flock and Unix sockets guard what it keeps.

/// <summary>
/// The directory of a cluster on one host, and in it the directory of one node:
/// <code>
/// DIR/catalog.db  DIR/credential  DIR/cluster.key          shared by the nodes of this host
/// DIR/nodes/NAME/{lock, node.json, ready.json, disk/, run/}  of one node
/// </code>
/// A node holds the lock of its own directory as long as it lives; the kernel drops it with the process, whatever ends that.
/// </summary>
public sealed partial class DataDirectory : IDisposable
{
    /// <summary>A Unix socket's path has room for 107 bytes; what is below the run directory needs some of them.</summary>
    private const int RunPathBytesMax = 70;

    private static readonly TimeSpan BootLockWaitMax = TimeSpan.FromSeconds(30);

    private readonly FileStream _lock;

    private DataDirectory(string root, string name, string? keys, FileStream held)
    {
        (Root, Name, Keys, _lock) = (root, name, keys, held);
        NodeRoot = Path.Combine(root, "nodes", name);
    }

    public string Root { get; }
    public string Name { get; }

    /// <summary>Directory of keys that somebody else keeps (a mounted secret); null: the node makes and keeps them in its root.</summary>
    public string? Keys { get; }
    public string NodeRoot { get; }
    public string CatalogPath => Path.Combine(Root, "catalog.db");
    public string CredentialPath => Path.Combine(Keys ?? Root, "credential");
    public string ClusterKeyPath => Path.Combine(Keys ?? Root, "cluster.key");
    public string DiskPath => Path.Combine(NodeRoot, "disk");
    public string ReadyPath => Path.Combine(NodeRoot, "ready.json");
    private string NodeFilePath => Path.Combine(NodeRoot, "node.json");

    /// <summary>Where the node's sockets are, for its owner only: below the node's directory, or a short path if that one is too long for a socket.</summary>
    public string RunPath { get; private set; } = "";

    /// <summary>Opens a node's directory, making what is missing, and locks it.</summary>
    /// <param name="keys">See <see cref="Keys"/>; both files must be there.</param>
    /// <exception cref="DosException">InvalidArgument: the name, or a key is missing; InUse: another process has it; Unavailable: it cannot be made or written.</exception>
    public static DataDirectory Open(string root, string name, string? keys = null)
    {
        if (!NodeName().IsMatch(name))
        {
            throw new DosException(DosErrorCode.InvalidArgument, $"'{name}' is not a node name: 1 to 32 of a-z, 0-9 and '-', beginning with a letter or digit");
        }
        try
        {
            root = OpenRoot(root);
            keys = keys is null ? null : Path.GetFullPath(keys);
            Durable(Path.Combine(root, "nodes"));
            var node = Durable(Path.Combine(root, "nodes", name));
            var held = TryLock(Path.Combine(node, "lock"))
                ?? throw new DosException(DosErrorCode.InUse, $"another process runs node '{name}' in {root}");
            var directory = new DataDirectory(root, name, keys, held);
            directory.RequireKeys();
            Durable(directory.DiskPath);
            directory.RunPath = OpenRun(node);
            System.IO.File.Delete(directory.ReadyPath);
            return directory;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new DosException(DosErrorCode.Unavailable, $"the data directory {root} cannot be used: {failure.Message.TrimEnd('.')}", failure);
        }
    }

    /// <summary>Makes the directory of a cluster, for its owner only; answers its full path.</summary>
    public static string OpenRoot(string root)
    {
        var path = Path.GetFullPath(root);
        var missing = new Stack<string>();
        for (var at = path; !Directory.Exists(at) && Path.GetDirectoryName(at) is { } above; at = above)
        {
            missing.Push(above);
        }
        OwnerOnly(path);
        // Those above a root that was there are somebody else's, who may not let us read them.
        foreach (var above in missing)
        {
            Disk.SyncDirectory(above);
        }
        return path;
    }

    /// <summary>Holds the lock that nodes of this directory take while they make what they share, so that only the first one makes it.</summary>
    /// <exception cref="DosException">InUse: another process has held it for half a minute.</exception>
    public async Task<IDisposable> LockSharedAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            if (TryLock(Path.Combine(Root, "boot.lock")) is { } held)
            {
                return held;
            }
            if (time.GetElapsedTime(started) > BootLockWaitMax)
            {
                throw new DosException(DosErrorCode.InUse, $"another process has been starting in {Root} for {BootLockWaitMax.TotalSeconds:0} s");
            }
            await Task.Delay(TimeSpan.FromMilliseconds(25), time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Replaces a file at once and for good: whoever reads it sees the old or the new content, also after a power cut.</summary>
    public static void Replace(string path, ReadOnlySpan<byte> content)
    {
        var temporary = path + ".new";
        System.IO.File.Delete(temporary);
        using (var file = new FileStream(temporary, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }
        System.IO.File.Move(temporary, path, overwrite: true);
        Disk.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    public void Dispose() => _lock.Dispose();

    private void RequireKeys()
    {
        foreach (var path in (string[])[CredentialPath, ClusterKeyPath])
        {
            // A node must never make up a key that its keeper forgot: it would be a cluster of its own.
            if (Keys is not null && !System.IO.File.Exists(path))
            {
                _lock.Dispose();
                throw new DosException(DosErrorCode.InvalidArgument, $"{path} is missing");
            }
        }
    }

    private static FileStream? TryLock(string path)
    {
        try
        {
            // FileShare.None is flock(2): gone with the process.
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException failure) when (failure.GetType() == typeof(IOException))
        {
            return null;
        }
    }

    private static string OpenRun(string node)
    {
        var run = Path.Combine(node, "run");
        if (Encoding.UTF8.GetByteCount(run) > RunPathBytesMax)
        {
            var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(node)))[..16];
            run = Path.Combine(Path.GetTempPath(), $"dos-{hash}");
        }
        if (new DirectoryInfo(run).LinkTarget is not null)
        {
            throw new DosException(DosErrorCode.Unavailable, $"{run} is a symbolic link; someone else may have made it");
        }
        OwnerOnly(run);
        // Fails when the directory is another user's: a shared /tmp is nobody's friend.
        System.IO.File.SetUnixFileMode(run, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return run;
    }

    /// <summary>Made if missing, and there also after a power cut; one that was there may have been made right before such a cut or a crash.</summary>
    private static string Durable(string path)
    {
        OwnerOnly(path);
        Disk.SyncDirectory(Path.GetDirectoryName(path)!);
        return path;
    }

    private static string OwnerOnly(string path)
    {
        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    [GeneratedRegex("^[a-z0-9][a-z0-9-]{0,31}$", RegexOptions.CultureInvariant)]
    private static partial Regex NodeName();
}
