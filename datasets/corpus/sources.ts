/*
 * The texts of the small base model: which packages, at which version, under which licence, and which of their
 * files hold running text. Debian packages of release 12 (bookworm), checked by sha256; npm packages of this project.
 */

export type Language = 'pt' | 'en'
/** How a file is read: markup (HTML, Mallard), the same packed with bzip2, plain text, or a gettext catalogue. */
export type TextFormat = 'markup' | 'markup-bz2' | 'plain' | 'catalogue'

export interface PackageSource {
  id: string
  language: Language
  package: string
  version: string
  /** Of the .deb file. */
  sha256: string
  licence: string
  format: TextFormat
  /** Matches paths inside the package. */
  files: RegExp
  encoding?: 'latin1'
}

const WESNOTH_LICENCE = 'GPL-2.0-or-later'
const WESNOTH: Record<string, string> = {
  data: '1012b964bd412a6770685e3324ae3b61e176caff7846192d1ee63d55cd621e26',
  did: '774619f5aaeb7eb4c848e1cc1758795a8c58e96bd270cceecc9d847dbcc769b3',
  dm: '1997ad4d91e8de36415db2a3445904288f588a76d75111222d2aace409ace5c6',
  dw: '47982e08b2a5d5fd79f400a5453f32c6d7dd56f2ccc10412a9e47dec8a9b3ca4',
  ei: '687abe111ee662b7324336ddadc209758f68d2eeb1ccbf630238f27a0e3c6404',
  httt: '05b16a3f8f8204278794aae14d8e6a7c95d2b2faef7337c4997c827a146d1bbd',
  l: '5383c79046df6121929bc36a8ec3f970ab4cf9c1239ed9b31868201c27f4266d',
  low: '2f304551b97b7fb76a2adb5ad8ffcac3e78476bc8ade17532c90714065c9bf9f',
  nr: '13edcf1bdd23708f531ba81c67100c5800363a119f10155c7f9e146fe7dced34',
  sof: 'b6f1ddffdbd1a977f3965dae944e4fb11c147627471f1cfc71c92d1e69efb555',
  sota: 'fa44304ff53d259f3c5fe13c03cb8166e55e9c307807d1a5663048c396645ba6',
  sotbe: '877a2f4a7fd8df54fd3b4561ffbd5fa95d0390d7c7372f3cb66367c8007918cb',
  thot: '79d9ec6e43300ea9f41295ccf3fb451e8eeaefc17007123f65d77eb05cb88695',
  trow: 'b5009e964ac7157a46d50de911e4f56f5bb4389d60b82a513b5f382671d180d7',
  tsg: '38b5f564253b8e0d9c093b2b7c58aabfef24f688968d9cbaf42abfc1e76d8288',
  ttb: 'd0d45693665305191488553ade8dc1d0aa26ab17d4bffae3bf6969db4a766329',
  utbs: '81e05717bebbfb6348c0bed2cd6ce2560c4fd9205ed419c2e7bc039b4a70e228',
}

function wesnoth(language: Language): PackageSource[] {
  return Object.entries(WESNOTH).map(([part, sha256]) => ({
    id: `wesnoth-${part}-${language}`,
    language,
    package: `wesnoth-1.16-${part}`,
    version: '1:1.16.9-1',
    sha256,
    licence: WESNOTH_LICENCE,
    format: 'catalogue',
    files: /\/locale\/pt_BR\/LC_MESSAGES\/.*\.mo$/,
  }))
}

/** Handbooks of KDE programs: [package, version, sha256]. A handbook that does not state its licence is skipped. */
const KDE: Array<[string, string, string]> = [
  ['kstars-data', '5:3.6.2-2', 'f48e4a101ddab20f1cf35879c821f9fa2ca1b459c5ea78eef99555fe22cf35aa'],
  ['kate5-data', '4:22.12.3-1', '6da1d7621fc3539385f35351ba612b748a743458240b0db63bd54738015f473d'],
  ['khelpcenter', '4:22.12.3-1', '6f34608c473112a39428305bd9975bc5a8a386deef6253a7ed49f4ec78a87b9d'],
  ['step', '4:22.12.3-1', 'b27b956ccd1572f92c7cf335435bc4c2fadb38e02412e01d54315e21a8cdb596'],
  ['kmymoney-common', '5.1.3-1', '9c42d420f6f1842b7829c9eefa6ca10a344e3840555930fbf7ccedf0865949dd'],
  ['skrooge-common', '2.29.0-1', 'f50ce0e4d9fa7ee5beb833c133d3ff09564f4519ce1672e63ba60c3b4f24b891'],
  ['kmail', '4:22.12.3-1', 'd6f3d6d3e4277a38646978c505ad6df660961b88b023997cc4fff9f4accdbdbd'],
  ['korganizer', '4:22.12.3-1', '2761252b13168e2e2e61c62dcb95fc7d260ee4172bcd984aee36232d0a1c3fc4'],
  ['konversation-data', '22.12.3-1', '16d1d1f4cf3fb5580a9e74cc20cf3ba3b66f67b25668dc1543faf3126b89b4cd'],
  ['okular', '4:22.12.3-1+deb12u1', 'b3e1ba5524b42775f397d5f066fc0a3d6261bd454b5b9b380c44fc8e40550f81'],
  ['kturtle', '4:22.12.3-1', 'a43b90cb353c1da24c9b68344c77cb4635b5cb175d9ffb300e384a8703c618f0'],
  ['dolphin', '4:22.12.3-1', '51e87e649d1297cf17d38f6f4c679101fba01fca5b61a73d8ced48e3835355d0'],
  ['kmplot', '4:22.12.3-1', '0a8b29ee72de9a7815ec7915c07b2387469c7e85cf9f31000acdba587e4dfb4d'],
  ['kajongg', '4:22.12.3-1', 'be0a9cc0f9a97064ffa0ab01133f55e021c7c58f9869857431bf1ca951dadbaf'],
  ['konsole', '4:22.12.3-1+deb12u1', 'f2b285b9bc79b207391bf0e2abbf87c1294963a8ffe0d973f9fea74a457b4f7e'],
  ['ktouch-data', '4:22.12.3-1', '09e4e55b7c27cf0f9b01c8b2d25e9cee78b19c47b7dc14c2e504ecb5af977a61'],
  ['okteta', '5:0.26.10-1', '4dd1ecd6041ea8095fbb69e8c945ac7ed8e98bb63be6ff9be169691f70772950'],
  ['kalzium-data', '4:22.12.3-1', 'e72507a1cb095667849cc27cec7ae3330522a83fd9fba3ba5f7df05abfb07d04'],
  ['kig', '4:22.12.3-1', 'bd7ed49d4698cd0248ca4934c9b874f4ccab0a630e76bd0ec4000eaf7a911001'],
  ['kpat', '4:22.12.3-1', '0ee4c33bacc61df1c22fc9e58ea8ce76f0014f360d2300b4e53945764c8bec1b'],
  ['lokalize', '4:22.12.3-1', '7ab416eb6689bd59601cada12c225c8c832aca7322f1b9a82e33181d5f7efba2'],
  ['akregator', '4:22.12.3-1', '83479099d38dcfb4d4c13e2bd3bc688909fc788087e8cf2d157ce343d62879ff'],
  ['kontact', '4:22.12.3-1', 'd01efb62140a38201b1f1b02cc3e8651d7068ca71f56ace23b3ff646721476d5'],
  ['rocs', '4:22.12.3-1', '429d04a5b3abaa47be7a870cde156810311b3287a07319380cd012457b36f19f'],
  ['gwenview', '4:22.12.3-1', '7dc3a909699833c423988f161db9b3160b853543c1e64003cdefb1886a3f77a7'],
  ['kbruch', '4:22.12.3-1', '1d5ea6c7e82bc0d34ef0f728c9db41c8ddf05549ddab861a82aac24b2a33f60b'],
  ['ksirk', '4:22.12.3-1', '12c8566b0725e38e4a2e4184ddd736112e134a6131096663885d05e03607421e'],
  ['kigo', '4:22.12.3-1', '50d6f98cfac9488fc2c2e8cf25981d6bdd6df29e981ddaf88383eb22216df076'],
  ['konquest', '4:22.12.3-1', '65357d2a9bab048a5ac82365286f1aaed6034ecc08bbe881cde5dfecd9b36960'],
  ['kget', '4:22.12.3-1', '1cc5ba2d8c8b13f9aa1f306716a337f82877357895fafefc94a583dab8bb9e1f'],
]

function kde(): PackageSource[] {
  return KDE.map(([name, version, sha256]) => ({
    id: `kde-${name}`,
    language: 'pt',
    package: name,
    version,
    sha256,
    licence: 'GFDL-1.2-or-later, no invariant sections',
    format: 'markup-bz2',
    files: /\/doc\/HTML\/pt_BR\/.*index\.cache\.bz2$/,
  }))
}

const HANDBOOK = { package: 'debian-handbook', version: '11.20220922', sha256: '3d5dbeac1f1afc9c094eab9d0f701f6ecff99c4927d5a4794cf6c85678134faa', licence: 'GPL-2.0-or-later or CC-BY-SA-3.0', format: 'markup' } as const
const GNOME = { package: 'gnome-user-docs', version: '43.0-2', sha256: '0d635a840747958ca84da778b40d341f1155603851f922c9a171f5a181d6a39f', licence: 'CC-BY-SA-3.0', format: 'markup' } as const

export const PACKAGE_SOURCES: PackageSource[] = [
  { id: 'handbook-pt', language: 'pt', ...HANDBOOK, files: /\/html\/pt-BR\/(?!index).*\.html$/ },
  { id: 'handbook-en', language: 'en', ...HANDBOOK, files: /\/html\/en-US\/(?!index).*\.html$/ },
  { id: 'gnome-pt', language: 'pt', ...GNOME, files: /\/help\/pt_BR\/.*\.page$/ },
  { id: 'gnome-en', language: 'en', ...GNOME, files: /\/help\/C\/.*\.page$/ },
  { id: 'foca', language: 'pt', package: 'focalinux-text', version: '2010-09-3.1', sha256: '21e42b7112aec61f255cdafbeb441a50526c98e167fc0d33d74939d191db92dc', licence: 'GFDL-1.2, naming no invariant sections', format: 'plain', files: /\/text\/\w+\/index\.txt\.gz$/, encoding: 'latin1' },
  { id: 'reference', language: 'pt', package: 'debian-reference-pt', version: '2.100', sha256: 'c9c5d30a8608485bad60f7bd7ce6c755af4a129c2b30511ee733b90ac17e7dfa', licence: 'GPL-2.0-or-later', format: 'markup', files: /\/debian-reference\/(?!index).*\.pt\.html$/ },
  { id: 'edu', language: 'pt', package: 'debian-edu-doc-pt-br', version: '2.12.23~deb12u1', sha256: '73dd96c546cf57b39443fb8216984c6c9dff78ed6387587b859a1788f927bf8e', licence: 'GPL-2.0-or-later', format: 'markup', files: /bookworm-manual\.html$/ },
  { id: 'installation', language: 'pt', package: 'installation-guide-amd64', version: '20230508+deb12u1', sha256: '812c43e1dc906daf671e3efe953dc023205c238e5bd5a3021ce4ca142793573a', licence: 'GPL-2.0', format: 'markup', files: /\/installation-guide-amd64\/pt\/.*\.html$/ },
  { id: 'gimp', language: 'pt', package: 'gimp-help-pt-br', version: '2.10.34-2', sha256: '816835f4dae19c99b1ead7347e33d60f18c043abc0ace131796320346a5549bc', licence: 'GFDL-1.2-or-later, no invariant sections', format: 'markup', files: /\/help\/pt_BR\/.*\.html$/ },
  { id: 'libreoffice', language: 'pt', package: 'libreoffice-help-pt-br', version: '4:7.4.7-1+deb12u14', sha256: '600d4294e52a6534be923521aff7b1b9eb7e6ddb7e30b2598ad04b2fe9cf8278', licence: 'MPL-2.0', format: 'markup', files: /\/help\/pt-BR\/text\/.*\.html$/ },
  ...kde(),
  ...wesnoth('pt'),
  ...wesnoth('en'),
]
