using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Orleans.DOS.Nodes;

/// <summary>What a node remembers on its disk over restarts.</summary>
/// <param name="Version">Of this record.</param>
/// <param name="NodeId">The node's name for life.</param>
/// <param name="ClusterId">The cluster that it joined first; it joins no other.</param>
/// <param name="SiloPort">Kept, so that a cluster that lost power finds itself again.</param>
public sealed record NodeFile(int Version, string NodeId, string? ClusterId, int SiloPort, int GatewayPort, int HttpPort);

/// <summary>Told to whoever started the node when it is ready to serve.</summary>
public sealed record ReadyFile(string NodeId, int Pid, string Url, string Gateway, string Silo);

public sealed partial class DataDirectory
{
    private const int KeyBytes = 32;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>What the node remembers; a new id at its first start.</summary>
    /// <exception cref="DosException">Unavailable: the file cannot be understood.</exception>
    public NodeFile ReadNodeFile()
    {
        if (!System.IO.File.Exists(NodeFilePath))
        {
            return new NodeFile(1, "n-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6)), null, 0, 0, 0);
        }
        try
        {
            return JsonSerializer.Deserialize<NodeFile>(System.IO.File.ReadAllBytes(NodeFilePath), Json) is { Version: 1 } file
                ? file
                : throw new DosException(DosErrorCode.Unavailable, $"{NodeFilePath} was written by a newer release");
        }
        catch (JsonException failure)
        {
            throw new DosException(DosErrorCode.Unavailable, $"{NodeFilePath} is damaged", failure);
        }
    }

    public void WriteNodeFile(NodeFile file) => Replace(NodeFilePath, JsonSerializer.SerializeToUtf8Bytes(file, Json));

    public void WriteReadyFile(ReadyFile file) => Replace(ReadyPath, JsonSerializer.SerializeToUtf8Bytes(file, Json));

    public void DeleteReadyFile() => System.IO.File.Delete(ReadyPath);

    /// <summary>The disk's own id, written on it at its first use: a wiped disk gets another one.</summary>
    public DiskId ReadOrMakeDiskId()
    {
        var path = Path.Combine(DiskPath, "disk.id");
        if (System.IO.File.Exists(path))
        {
            return new DiskId(System.IO.File.ReadAllText(path).Trim());
        }
        var id = "d-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6));
        Replace(path, Encoding.ASCII.GetBytes(id));
        return new DiskId(id);
    }

    /// <summary>The cluster's key, or null when this directory has none yet.</summary>
    /// <exception cref="DosException">Unavailable: it is damaged.</exception>
    public byte[]? ReadClusterKey()
    {
        if (!System.IO.File.Exists(ClusterKeyPath))
        {
            return null;
        }
        try
        {
            var key = Convert.FromBase64String(System.IO.File.ReadAllText(ClusterKeyPath).Trim());
            return key.Length == KeyBytes ? key : throw new FormatException();
        }
        catch (FormatException failure)
        {
            throw new DosException(DosErrorCode.Unavailable, $"{ClusterKeyPath} is damaged", failure);
        }
    }

    public byte[] MakeClusterKey()
    {
        var key = RandomNumberGenerator.GetBytes(KeyBytes);
        Replace(ClusterKeyPath, Encoding.ASCII.GetBytes(Convert.ToBase64String(key)));
        return key;
    }

    /// <summary>The administrator's token, or null when this directory has none.</summary>
    public string? ReadCredential() => System.IO.File.Exists(CredentialPath) ? System.IO.File.ReadAllText(CredentialPath).Trim() : null;

    public void WriteCredential(string token) => Replace(CredentialPath, Encoding.ASCII.GetBytes(token + "\n"));
}
