using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Orleans.DOS.Segments;

/// <summary>The few disk calls that .NET does not have, and what its exceptions mean.</summary>
internal static partial class Disk
{
    private const int InterruptedErrno = 4;
    private const int NoSpaceErrno = 28;
    private const int QuotaErrno = 122;

    /// <summary>Makes names in a directory durable. Windows has no such call and needs none on NTFS.</summary>
    public static void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }
        var descriptor = Open(path, 0);
        if (descriptor < 0)
        {
            throw new IOException($"Directory '{path}' cannot be opened: error {Marshal.GetLastPInvokeError()}");
        }
        var result = Sync(descriptor);
        var error = Marshal.GetLastPInvokeError();
        Close(descriptor);
        if (result != 0)
        {
            throw new FlushFailedException($"Directory '{path}' cannot be synced: error {error}");
        }
    }

    /// <summary>Replaces a small file so that after a crash either the old or the new content stands.</summary>
    public static void Replace(string path, string content)
    {
        var draft = path + ".new";
        using (var handle = File.OpenHandle(draft, FileMode.Create, FileAccess.Write))
        {
            RandomAccess.Write(handle, System.Text.Encoding.UTF8.GetBytes(content), 0);
            Flush(handle);
        }
        File.Move(draft, path, overwrite: true);
        SyncDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>
    /// Not RandomAccess.FlushToDisk, to which EROFS, EINVAL and ENOTSUP are no errors: EROFS is what ext4 says once its journal has aborted,
    /// and then nothing is on the disk.
    /// </summary>
    /// <exception cref="FlushFailedException">What was written may be lost.</exception>
    public static void Flush(SafeFileHandle handle) => Flush(handle, Sync, "fsync");

    /// <summary>
    /// The content, and of what describes the file only what is needed to read it: a file that is written over costs no commit of the file
    /// system's journal, which would bring what all other files of the disk changed meanwhile with it.
    /// </summary>
    /// <exception cref="FlushFailedException">What was written may be lost.</exception>
    public static void FlushData(SafeFileHandle handle) => Flush(handle, SyncData, "fdatasync");

    /// <summary>Refused before the disk does it, with what the disk would say.</summary>
    public static IOException Full(string directory) => new($"The disk of '{directory}' is nearly full", NoSpaceErrno);

    public static Nodes.DiskSpace Space(string directory)
    {
        var drive = new DriveInfo(directory);
        return new(drive.TotalSize, drive.AvailableFreeSpace);
    }

    /// <summary>Nothing was lost. A sync that found no room is not one of these: its pages may be gone.</summary>
    public static bool IsFull(IOException exception) => exception is not FlushFailedException && exception.HResult is NoSpaceErrno or QuotaErrno;

    /// <summary>The call failed for want of descriptors or memory (EMFILE, ENFILE, ENOMEM, EAGAIN), not because of the disk.</summary>
    public static bool IsShortOfMeans(IOException exception) => exception.HResult is 24 or 23 or 12 or 11;

    /// <summary>Reads until the buffer is full or the file ends.</summary>
    public static int Read(SafeFileHandle handle, Span<byte> buffer, long offset)
    {
        var total = 0;
        while (total < buffer.Length)
        {
            var count = RandomAccess.Read(handle, buffer[total..], offset + total);
            if (count == 0)
            {
                break;
            }
            total += count;
        }
        return total;
    }

    private static void Flush(SafeFileHandle handle, Func<SafeFileHandle, int> sync, string name)
    {
        if (!OperatingSystem.IsLinux())
        {
            FlushByFramework(handle);
            return;
        }
        while (sync(handle) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != InterruptedErrno)
            {
                throw new FlushFailedException(new IOException($"{name}: {Marshal.GetPInvokeErrorMessage(error)}", error));
            }
        }
    }

    /// <summary>Elsewhere the framework knows the call that reaches the disk itself (macOS: F_FULLFSYNC).</summary>
    private static void FlushByFramework(SafeFileHandle handle)
    {
        try
        {
            RandomAccess.FlushToDisk(handle);
        }
        catch (IOException exception)
        {
            throw new FlushFailedException(exception);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(SafeFileHandle handle);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int SyncData(SafeFileHandle handle);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
